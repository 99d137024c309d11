// The keyboard: single keys, never while somebody types, and to be switched off by whom they disturb
// (WCAG 2.1.4).

import { conversation, frame, words } from "./dom.js";
import { write } from "./composer.js";
import { deed } from "./deeds.js";
import { openDialog } from "./dialogs.js";
import { acceptOldest } from "./offers.js";
import { back } from "./open.js";
import { showList, step, toggleSelecting } from "./rows.js";
import { toast } from "./toast.js";

const SWITCH = "hub.single-keys";
const TYPING = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";
let goes = 0; // until when a "g" waits for its second key

const isOn = () => localStorage.getItem(SWITCH) !== "off";
const status = () => document.getElementById("head")?.dataset.status;
const may = () => conversation()?.dataset.level === "own";
/** Only what the buttons of the head offer is done by a key. */
const offers = (name) => document.querySelector(`#head .do-${name}`)?.offsetParent != null;

const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  r: () => may() && write({ note: false }),
  n: () => may() && write({ note: true }),
  m: () => offers("claim") && deed("claim"),
  c: () => offers("call") && openDialog("call"),
  a: () => offers("assign") && openDialog("assign"),
  e: () => (status() === "resolved" ? offers("reopen") && deed("reopen") : offers("resolve") && openDialog("resolve")),
  z: () => (status() === "snoozed" ? offers("wake") && deed("wake") : offers("snooze") && openDialog("snooze")),
  w: () => may() && openDialog("identify"),
  x: () => toggleSelecting(),
  y: () => acceptOldest(),
  "/": () => location.assign(`${frame().dataset.root}search`),
  "?": () => help(),
  g: () => {
    goes = Date.now() + 1200;
  },
};

const AFTER_G = {
  i: () => go("team"),
  m: () => go("mine"),
};

function go(name) {
  if (document.getElementById("list")) showList(name);
  else location.assign(`${frame().dataset.root}?list=${name}`);
}

export function help() {
  const dialog = document.getElementById("keys");
  if (!dialog.open) dialog.showModal();
}

export function startKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.key === "Escape") {
      escape(event);
      return;
    }
    if (!isOn() || event.target.closest?.(TYPING) || document.querySelector("dialog:modal")) return;
    const second = Date.now() < goes;
    goes = 0;
    const work = second ? AFTER_G[event.key] : KEYS[event.key];
    if (!work) return;
    event.preventDefault();
    work();
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-keys]")) help();
    // A menu closes when somebody presses elsewhere.
    for (const menu of document.querySelectorAll("details[data-menu][open]"))
      if (!menu.contains(event.target)) menu.open = false;
  });
  const box = document.getElementById("keys-on");
  box.checked = isOn();
  box.addEventListener("change", () => {
    localStorage.setItem(SWITCH, box.checked ? "on" : "off");
    toast(words(box.checked ? "keysOn" : "keysOff"));
  });
}

function escape(event) {
  if (document.querySelector("dialog:modal")) return; // it closes by itself
  const menu = document.querySelector("details[data-menu][open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  } else if (event.target.closest?.("#composer")) {
    conversation().focus({ preventScroll: true });
  } else if (frame().classList.contains("is-drawer-open")) {
    document.querySelector("[data-drawer-close]")?.click();
  } else if (window.matchMedia("(max-width: 719px)").matches) back();
}
