// The bar across the top and the card of a call that rings, as the server draws them. What only the
// browser knows (whether the line is there, muted) is painted in; seconds are counted here.

import { announce, debounced, frame, get, parse, Unreachable, words } from "../dom.js";
import { toast } from "../toast.js";
import { seconds } from "./seconds.js";

const SETTLE = 30; // ms: what changes together is drawn once

let asked = 0;
let stands = { status: "connecting", call: "", muted: false }; // of line.js, or told by another tab
let behind = 0; // ms that this computer's clock is behind the server's
let wasStage = "";
let tellDrawn = () => {};

export const bar = () => document.getElementById("phone");
const card = () => document.getElementById("ring");

/** What the server last said of our phone: stage, call, conversation, answersItself … */
export const state = () => bar()?.dataset ?? {};

export function startBar({ drawn }) {
  tellDrawn = drawn;
  take();
  setInterval(count, 1000);
  card().addEventListener("cancel", (event) => event.preventDefault());
}

/** Draw the bar anew; of several answers the last one asked for is shown. */
export const refreshBar = debounced(async () => {
  const mine = (asked += 1);
  let html;
  try {
    html = await get(`${frame().dataset.root}phone`);
  } catch (error) {
    // Locked or cut off: it is asked for again when that is over.
    if (error.code !== "Locked" && !(error instanceof Unreachable)) toast(error.message, { isError: true });
    return;
  }
  if (mine !== asked) return;
  const fresh = parse(html).querySelector("#phone");
  // Notes that somebody writes after a call are not drawn over.
  if (fresh.dataset.key !== bar().dataset.key) {
    if (fresh.dataset.stage === bar().dataset.stage && fresh.dataset.stage !== "ringing")
      window.Idiomorph.morph(bar(), fresh);
    else bar().replaceWith(fresh);
  }
  take();
}, SETTLE);

/** Show what the line is: `line` of line.js. */
export function paint(line) {
  stands = { ...line };
  const dot = document.getElementById("phone-dot");
  if (dot) dot.dataset.status = line.status;
  const said = document.getElementById("phone-status");
  if (said) said.textContent = words(`phoneIs${line.status[0].toUpperCase()}${line.status.slice(1)}`);
  const mute = document.getElementById("phone-mute");
  if (mute) {
    mute.setAttribute("aria-pressed", String(line.muted));
    mute.title = words(line.muted ? "phoneUnmute" : "phoneMute");
    mute.querySelector("[data-words]").textContent = mute.title;
    mute.disabled = line.call !== "live";
  }
  const keypad = document.getElementById("phone-keypad");
  if (keypad) keypad.disabled = line.call !== "live";
  const muted = document.getElementById("phone-muted");
  if (muted) muted.hidden = !line.muted;
  for (const button of card().querySelectorAll("[data-phone]")) button.disabled = line.call !== "ringing";
  if (document.activeElement === card()) card().querySelector("[data-phone=accept]:enabled")?.focus();
  const waits = card().querySelector("[data-connecting]");
  if (waits) waits.hidden = line.call === "ringing";
  // Whoever pressed "accept" sees it at once; the hub's word follows.
  if (line.call === "taking" || line.call === "live") closeCard();
}

/** Take in what was drawn. */
function take() {
  const { stage, now } = state();
  behind = Date.parse(now) - Date.now() || 0;
  const asks = bar().querySelector("template[data-ring]");
  if (asks && stands.call !== "taking" && stands.call !== "live") openCard(asks);
  else closeCard();
  count();
  paint(stands);
  if (stage !== wasStage) say(stage);
  wasStage = stage;
  tellDrawn();
}

function say(stage) {
  const spoken = bar().dataset.said;
  if (spoken) announce(spoken, { urgent: stage === "ringing" });
}

/** The card never takes the focus from somebody who writes; over an open dialog it stands on top. */
function openCard(asks) {
  if (!card().open || card().dataset.call !== state().call) {
    card().replaceChildren(asks.content.cloneNode(true));
    card().dataset.call = state().call;
  }
  if (card().open) return;
  const before = document.activeElement;
  const isWriting = before?.matches("input, textarea, select, [contenteditable]");
  if (document.querySelector("dialog:modal")) card().showModal();
  else card().show();
  // The button gets the focus once there is a line to accept (paint).
  if (isWriting && !card().matches(":modal")) before.focus();
  else card().focus();
}

function closeCard() {
  if (card().open) card().close();
  card().replaceChildren();
}

/** Seconds since, or left until: 0:42, 12:05, 1:02:03. */
function count() {
  const now = Date.now() + behind;
  const counted = [...bar().querySelectorAll("time[data-count]"), ...card().querySelectorAll("time[data-count]")];
  for (const time of counted) {
    const at = Date.parse(time.dateTime);
    const text = seconds((time.dataset.count === "down" ? at - now : now - at) / 1000);
    if (time.textContent !== text) time.textContent = text;
  }
}
