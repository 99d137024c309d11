// Opening a conversation without leaving the page; the address, the panes and the focus follow.

import { conversation, debounced, frame, get, parse, words } from "./dom.js";
import { refreshAges } from "./ages.js";
import { leaveComposer, startComposer } from "./composer.js";
import { startHead } from "./head.js";
import { markOpen, markRead } from "./rows.js";
import { revision, startTimeline } from "./timeline.js";
import { toast } from "./toast.js";

const SKELETON_AFTER = 300;
let latest = 0; // of several clicks the last one wins

/** Show the conversation at `path`. */
export async function open(path, { push = true, focus = true } = {}) {
  const mine = (latest += 1);
  await leaveComposer();
  const skeleton = setTimeout(() => {
    const place = document.getElementById("conversation");
    place.replaceChildren(document.getElementById("skeleton").content.cloneNode(true));
    pane("conversation");
  }, SKELETON_AFTER);
  let html;
  try {
    html = await get(path);
  } catch (error) {
    toast(error.message, { isError: true });
    return;
  } finally {
    clearTimeout(skeleton);
  }
  if (mine !== latest) return;
  const fresh = parse(html);
  document.getElementById("conversation").replaceWith(fresh.querySelector("#conversation"));
  document.getElementById("patient").replaceWith(fresh.querySelector("#patient"));
  if (push) history.pushState({ pane: "conversation" }, "", `${path}?list=${frame().dataset.list}`);
  document.title = document.title.replace(/^[^·]+/, `${words("untitled")} `);
  pane("conversation");
  drawer(false);
  start({ focus });
}

/** Begin with whatever conversation stands in the page. */
export function start({ focus = false } = {}) {
  markOpen();
  const here = conversation();
  if (!here) {
    document.dispatchEvent(new CustomEvent("console:closed"));
    return;
  }
  startHead();
  // The socket hears first what is open, then how far it was read.
  const { uuid, level } = here.dataset;
  const detail = { uuid, level, revision: revision() };
  document.dispatchEvent(new CustomEvent("console:opened", { detail }));
  startTimeline();
  startComposer();
  refreshAges(here);
  markRead(here.dataset.uuid);
  if (focus) here.focus({ preventScroll: true });
}

/** Which pane a phone shows. */
export function pane(name) {
  frame().dataset.pane = name;
}

/** The patient's drawer, where there is no room for a pane. */
export function drawer(isOpen) {
  frame().classList.toggle("is-drawer-open", isOpen);
  document.querySelector("[data-drawer]")?.setAttribute("aria-expanded", String(isOpen));
  if (window.matchMedia("(max-width: 719px)").matches && frame().dataset.pane !== "list")
    pane(isOpen ? "patient" : "conversation");
  if (isOpen) document.getElementById("patient").focus({ preventScroll: true });
}

/** Back to the list: on a phone the only pane, elsewhere an empty middle. */
export function back() {
  drawer(false);
  pane("list");
  const row = document.querySelector(".row.is-open .row-link");
  row?.focus();
}

/** The patient's pane anew; it differs from person to person, so no frame carries it. */
export const refreshPanel = debounced(async () => {
  const place = document.getElementById("patient");
  const { path } = place.dataset;
  if (!path) return;
  try {
    const fresh = parse(await get(path)).querySelector("#patient");
    if (document.getElementById("patient").dataset.path !== path) return;
    const scroll = place.scrollTop;
    document.getElementById("patient").replaceWith(fresh);
    fresh.scrollTop = scroll;
  } catch (error) {
    toast(error.message, { isError: true });
  }
}, 60);

/** The banner "Who is this?" goes once it was said, and comes back when that is taken back. */
export async function refreshWho() {
  const here = conversation();
  if (!here || here.dataset.level !== "own") return;
  const html = await get(`${here.dataset.path}banner`);
  const place = document.getElementById("who");
  if (place && conversation() === here) place.innerHTML = html;
}

document.addEventListener("console:identity", () => {
  refreshPanel();
  refreshWho().catch((error) => toast(error.message, { isError: true }));
});

window.addEventListener("popstate", () => {
  const address = location.pathname;
  if (address === frame().dataset.root) location.reload();
  else if (address.includes("/c/")) open(address, { push: false, focus: false });
  else location.reload();
});
