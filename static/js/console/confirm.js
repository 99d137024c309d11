// A question before what leaves the building: two answers, the careful one focused.

import { words } from "./dom.js";

/** Ask; resolves to true for `yes`. */
export function confirm(sentence, { yes = words("doIt"), no = words("cancel") } = {}) {
  const dialog = document.getElementById("dialog");
  const form = document.createElement("form");
  form.method = "dialog";
  form.className = "dialog-form";
  const title = document.createElement("h2");
  title.id = "dialog-title";
  title.textContent = sentence;
  const foot = document.createElement("div");
  foot.className = "dialog-foot";
  for (const [value, text, primary] of [
    ["no", no, false],
    ["yes", yes, true],
  ]) {
    const button = document.createElement("button");
    button.value = value;
    button.className = primary ? "button button-primary" : "button";
    button.autofocus = !primary;
    button.textContent = text;
    foot.append(button);
  }
  form.append(title, foot);
  dialog.replaceChildren(form);
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
