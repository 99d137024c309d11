// The phone's own dialogs: hand over, add somebody, the keypad. They have an element of their own, so
// that they open beside those of the conversation and need none.

import { frame, get, post } from "../dom.js";
import { narrowAgain, startPicks } from "../picks.js";
import { toast } from "../toast.js";
import { bar, refreshBar, state } from "./bar.js";
import { order } from "./tabs.js";

const dialog = () => document.getElementById("phone-dialog");
const keypad = () => document.getElementById("keypad");
const pathOf = (name) => `${frame().dataset.root}phone/${state().call}/${name}`;

/** Post to an address of the call, then look at the phone again. Returns whether it was done. */
export async function steer(name, fields = {}) {
  try {
    await post(pathOf(name), fields);
    return true;
  } catch (error) {
    toast(error.message, { isError: true });
    return false;
  } finally {
    refreshBar();
  }
}

async function show(name) {
  if (dialog().open) return;
  try {
    dialog().innerHTML = await get(pathOf(name));
  } catch (error) {
    toast(error.message, { isError: true });
    return;
  }
  dialog().showModal();
  (dialog().querySelector("[autofocus]") ?? dialog().querySelector("input, button"))?.focus();
}

async function submit(form, submitter) {
  const error = form.querySelector("[data-error]");
  error.hidden = true;
  try {
    await post(form.getAttribute("action"), new FormData(form, submitter ?? undefined));
    dialog().close();
    refreshBar();
  } catch (failure) {
    error.textContent = failure.message;
    error.hidden = false;
  }
}

/** A dialog about a call that is over goes with it. */
export function closeStale() {
  const { stage } = state();
  if (stage === "talking" || stage === "dialling") return;
  if (dialog().open) dialog().close();
  if (keypad().open) keypad().close();
}

function press(key) {
  order({ what: "digits", value: key });
  const shown = keypad().querySelector("output");
  shown.textContent = `${shown.textContent}${key}`.slice(-18);
}

export function startPhoneDialogs() {
  startPicks(dialog());
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-phone-dialog]");
    if (opener && bar().contains(opener)) show(opener.dataset.phoneDialog);
    if (event.target === dialog() || (dialog().contains(event.target) && event.target.closest("[data-close]")))
      dialog().close();
    if (event.target === keypad() || (keypad().contains(event.target) && event.target.closest("[data-close]")))
      keypad().close();
    const key = event.target.closest("[data-key]");
    if (key && keypad().contains(key)) press(key.dataset.key);
  });
  dialog().addEventListener("submit", (event) => {
    event.preventDefault();
    submit(event.target, event.submitter);
  });
  dialog().addEventListener("change", (event) => event.target.matches("[data-how]") && narrowAgain(dialog()));
  dialog().addEventListener("close", () => dialog().replaceChildren());
  keypad().addEventListener("keydown", (event) => {
    if (/^[0-9*#]$/.test(event.key) && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      press(event.key);
    }
  });
}

export function openKeypad() {
  keypad().querySelector("output").textContent = "";
  keypad().showModal();
}
