/* The frame's side of the widget: opens and closes, and tells the loader its size.

   It speaks only to a parent whose origin is on the site's list, and only after that said hello. */

import { byId } from "./dom.js";

export class Frame {
  constructor({ origins, opened }) {
    this.origins = origins;
    this.opened = opened;
    this.isOpen = false;
    this.parent = null;
    window.addEventListener("message", (event) => {
      if (event.source !== window.parent || !this.origins.includes(event.origin)) return;
      if (event.data?.to !== "hub-chat" || event.data.type !== "hello") return;
      document.body.classList.toggle("full", event.data.full === true);
      if (this.parent === event.origin) return;
      this.parent = event.origin;
      this.tellSize();
    });
    byId("launcher").addEventListener("click", () => this.open(true));
    byId("close").addEventListener("click", () => this.open(false));
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.isOpen) this.open(false);
    });
    byId("launcher").hidden = false;
    byId("close").hidden = false;
    // The loader may have said hello before this ran. This tells nobody anything, so anybody may hear.
    window.parent.postMessage({ from: "hub-chat", type: "ready" }, "*");
  }

  async open(isOpen) {
    this.isOpen = isOpen;
    if (isOpen) {
      // The frame grows first, so that no corner of the panel is seen in the launcher's place.
      this.tellSize();
      await grown();
    }
    byId("panel").hidden = !isOpen;
    byId("launcher").hidden = isOpen;
    byId("launcher").setAttribute("aria-expanded", String(isOpen));
    if (!isOpen) {
      this.tellSize();
      byId("launcher").focus();
    }
    this.opened(isOpen);
  }

  tellSize() {
    if (!this.parent) return;
    window.parent.postMessage({ from: "hub-chat", type: "size", open: this.isOpen }, this.parent);
  }
}

function grown() {
  return new Promise((done) => {
    window.addEventListener("resize", done, { once: true });
    setTimeout(done, 100);
  });
}
