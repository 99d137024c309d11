// What the person is being offered: a card with the time that is left. It comes by the socket, and is
// asked for when a page was loaded, so that no offer depends on the socket alone.
//
// All cards, calls among them (`fills`, without `html`), are handed on to the page as the event
// console:offers {offers}: the softphone rings for those.

import { announce, conversation, frame, getJson, parse, post, words } from "./dom.js";
import { open } from "./open.js";
import { toast } from "./toast.js";

const TICK = 250; // ms
const LOST = 3000; // after this a card goes, whether or not we heard that its time is over
const JUST_NOW = 6000;

const deadlines = new Map(); // the offer's uuid → when it ends, by this clock
const answered = new Set(); // what was answered here, and is on its way
let timer = 0;
let missedAt = -Infinity;

const place = () => document.getElementById("offers");
const cards = () => [...place().querySelectorAll("[data-offer]")];

/** Show exactly these offers. */
export function applyOffers(offers) {
  const shown = offers.filter((one) => one.html && !answered.has(one.uuid));
  const wanted = new Set(shown.map((one) => one.uuid));
  for (const card of cards()) if (!wanted.has(card.dataset.offer)) remove(card);
  for (const one of shown) {
    deadlines.set(one.uuid, performance.now() + one.left * 1000);
    if (document.getElementById(`offer-${one.uuid}`)) continue;
    place().append(parse(one.html));
    announce(`${one.said} ${words("offerSaid", { n: Math.round(one.left) })}`, { urgent: true });
  }
  tick();
  document.dispatchEvent(new CustomEvent("console:offers", { detail: { offers } }));
}

/** Ask for what is offered now. */
export async function refreshOffers() {
  try {
    const { offers } = await getJson(`${frame().dataset.root}offers`);
    applyOffers(offers);
  } catch {
    // The socket brings it, or the next page; nothing was done that could be lost.
  }
}

/** Whether an offer went by unanswered a moment ago. */
export const justMissed = () => performance.now() - missedAt < JUST_NOW;

function remove(card) {
  const { offer } = card.dataset;
  if (!answered.has(offer) && (deadlines.get(offer) ?? 0) - performance.now() < 1500)
    missedAt = performance.now();
  deadlines.delete(offer);
  const hadFocus = card.contains(document.activeElement);
  card.remove();
  // Whoever was about to press a button is not thrown to the top of the page.
  if (hadFocus) (conversation() ?? document.getElementById("list"))?.focus({ preventScroll: true });
}

function tick() {
  clearTimeout(timer);
  const now = performance.now();
  for (const card of cards()) {
    const left = ((deadlines.get(card.dataset.offer) ?? now) - now) / 1000;
    card.querySelector("progress").value = Math.max(left, 0);
    card.querySelector("[data-left]").textContent = Math.max(Math.ceil(left), 0);
    if (left * 1000 < -LOST) remove(card);
  }
  if (cards().length) timer = setTimeout(tick, TICK);
}

/** Answer the oldest offer that is shown, by a key. */
export function acceptOldest() {
  const [card] = cards();
  if (card) answer(card, "accept");
}

async function answer(card, deed) {
  const { offer } = card.dataset;
  if (answered.has(offer)) return;
  answered.add(offer);
  for (const button of card.querySelectorAll("button")) button.disabled = true;
  try {
    const said = await post(`${frame().dataset.root}offers/${offer}/${deed}`);
    remove(card);
    if (said) await show(said);
  } catch (error) {
    toast(error.message, { isError: true });
    answered.delete(offer);
    await refreshOffers(); // it may still be there, as after a cut, or be over
    for (const button of card.querySelectorAll("button")) button.disabled = false;
  }
}

async function show({ path, toast: text }) {
  if (!document.getElementById("conversation")) {
    location.assign(path);
    return;
  }
  toast(text);
  document.dispatchEvent(new CustomEvent("console:refresh-list"));
  await open(path);
}

export function startOffers() {
  place().addEventListener("click", (event) => {
    const button = event.target.closest("[data-offer-do]");
    if (button) answer(button.closest("[data-offer]"), button.dataset.offerDo);
  });
  document.addEventListener("hub:unlocked", refreshOffers);
  refreshOffers();
}
