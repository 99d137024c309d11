// A line in the corner: what was just done, with the way back for eight seconds.

import { words } from "./dom.js";

const SHOWN = 8000;

/** Show `text`; with `undo`, a button that calls it once. An error stays until the next one. */
export function toast(text, { undo = null, isError = false } = {}) {
  const place = document.getElementById("toasts");
  place.replaceChildren();
  const line = document.createElement("div");
  line.className = isError ? "toast is-error" : "toast";
  const said = document.createElement("span");
  said.dir = "auto";
  said.textContent = text;
  line.append(said);
  if (undo) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = words("undo");
    button.addEventListener("click", () => {
      line.remove();
      undo();
    });
    line.append(button);
  }
  place.append(line);
  // Whoever is about to press "undo" is not robbed of it.
  let timer = setTimeout(() => line.remove(), SHOWN);
  const hold = () => clearTimeout(timer);
  const release = () => {
    clearTimeout(timer);
    timer = setTimeout(() => line.remove(), undo ? SHOWN / 2 : SHOWN);
  };
  line.addEventListener("pointerenter", hold);
  line.addEventListener("focusin", hold);
  line.addEventListener("pointerleave", release);
  line.addEventListener("focusout", release);
}
