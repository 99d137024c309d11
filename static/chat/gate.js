/* The gate, in place of the chat: one thing to read, one thing to press, perhaps another. */

import { byId } from "./dom.js";
import { words } from "./words.js";

export class Gate {
  constructor(name) {
    this.name = name;
    this.shown = null;
  }

  /** Show the sentences `title` and `text`; buttons are {label, act}. */
  show(title, text, main, other = null) {
    this.shown = { title, text, main, other };
    for (const id of ["thread", "composer", "ways"]) byId(id).hidden = true;
    byId("gate").hidden = false;
    this.draw();
    byId("gate-title").focus();
  }

  hide() {
    this.shown = null;
    byId("gate").hidden = true;
  }

  /** Draw it in the language of now. */
  draw() {
    if (!this.shown) return;
    const { title, text, main, other } = this.shown;
    byId("gate-title").textContent = words(title, { name: this.name });
    byId("gate-text").textContent = words(text, { name: this.name });
    this.note("");
    this.button(byId("gate-button"), main);
    this.button(byId("gate-other"), other);
  }

  button(button, wanted) {
    button.hidden = !wanted;
    if (!wanted) return;
    button.textContent = words(wanted.label);
    button.onclick = async () => {
      button.disabled = true;
      try {
        await wanted.act();
      } finally {
        button.disabled = false;
      }
    };
  }

  note(sentence) {
    byId("gate-note").textContent = sentence;
  }

  /** It was pressed and needs no second time. */
  done(sentence) {
    this.note(sentence);
    byId("gate-button").hidden = true;
  }
}
