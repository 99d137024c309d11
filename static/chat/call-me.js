/* "Call me instead": a number and, if one likes, a time. The chat stays open meanwhile. */

import { byId, make } from "./dom.js";
import { call } from "./server.js";
import { words } from "./words.js";

export class CallMe {
  /** `session` returns the session of now; `sentenceOf` the words of a refusal; `drawn` is told. */
  constructor({ session, sentenceOf, drawn }) {
    this.session = session;
    this.sentenceOf = sentenceOf;
    this.drawn = drawn;
    byId("call-me").addEventListener("click", () => this.open());
    byId("call-skip").addEventListener("click", () => this.close());
    byId("call").addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
  }

  async open() {
    byId("call-error").textContent = "";
    try {
      const answer = await call("/chat/callback", { session: this.session() });
      this.draw(await answer.json());
    } catch (refusal) {
      this.draw({ number: "", times: [], zone: "" });
      byId("call-error").textContent = this.sentenceOf(refusal.code, refusal.message);
    }
    byId("call").hidden = false;
    this.drawn();
    byId("call-number").focus();
  }

  close() {
    byId("call").hidden = true;
    byId("text").focus();
  }

  draw({ number, times, zone }) {
    if (number) byId("call-number").value = number;
    byId("call-zone").textContent = times.length ? words("callZone", { zone }) : "";
    byId("call-time").replaceChildren(
      make("option", { value: "" }, words("callSoon")),
      ...times.map((one) => make("option", { value: one.start }, one.words)),
    );
  }

  async send() {
    const number = byId("call-number").value.trim();
    byId("call-error").textContent = "";
    try {
      await call("/chat/callback", {
        session: this.session(),
        json: { number, start: byId("call-time").value },
      });
      this.close();
    } catch (refusal) {
      byId("call-error").textContent = this.sentenceOf(refusal.code, refusal.message);
      byId("call-number").focus();
    }
  }
}
