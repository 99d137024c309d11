/* Small things to build with. Text only ever goes in as text: nothing here makes HTML of words. */

import { words } from "./words.js";

export const byId = (id) => document.getElementById(id);

export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Put every fixed sentence of the page into the language of now. */
export function fillWords(root = document) {
  for (const element of root.querySelectorAll("[data-words]")) {
    element.textContent = words(element.dataset.words);
  }
}

/** Fill `element` with a sentence whose {numbers} become links to call. */
export function fillCalls(element, sentence) {
  element.replaceChildren(
    ...sentence.split(/\{(\d+)\}/).map((part, i) =>
      i % 2 ? make("a", { href: `tel:${part}`, target: "_blank", rel: "noopener" }, part) : part,
    ),
  );
}
