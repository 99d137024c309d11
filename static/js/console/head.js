// The head of the conversation: taken in when it changed, and what follows from who holds it.

import { conversation, frame, me, parse, words } from "./dom.js";
import { refreshAges } from "./ages.js";

const head = () => document.getElementById("head");

/** Take in a head that the server rendered; an older one than what stands is left out. */
export function applyHead(html) {
  const fresh = parse(html).querySelector("#head");
  if (!fresh || !head() || Number(fresh.dataset.revision) < Number(head().dataset.revision)) return;
  const identity = head().dataset.identity;
  const who = head().dataset.who;
  const focused = head().contains(document.activeElement) && document.activeElement.className;
  head().replaceWith(fresh);
  if (focused) head().querySelector(`[class="${focused}"]`)?.focus();
  startHead();
  refreshAges(head());
  if (identity !== head().dataset.identity || who !== head().dataset.who)
    document.dispatchEvent(new CustomEvent("console:identity"));
}

/** Set what differs from person to person. */
export function startHead() {
  const here = conversation();
  if (!here || !head()) return;
  const { holder, status, holderName } = head().dataset;
  here.dataset.status = status;
  here.dataset.held = holder === "" ? "nobody" : holder === me() ? "me" : "other";
  here.classList.toggle("is-supervised", frame().dataset.role === "supervisor");
  const shown = head().querySelector(".head-holder");
  if (shown?.dataset.holder === me()) shown.textContent = words("you");
  const bar = document.querySelector("#held-by [data-words]");
  if (bar) bar.textContent = words("held", { who: holderName });
}
