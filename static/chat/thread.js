/* The lines of the chat: those of the hub by their place, then what is still on its way. */

import { byId, make } from "./dom.js";
import { call } from "./server.js";
import { currentLanguage, words } from "./words.js";

const IMAGES = /^image\/(jpeg|png|gif|webp)$/;
const TYPING_MS = 5000;

export class Thread {
  constructor({ session, retry, discard }) {
    this.session = session; // () => the session of now
    this.retry = retry;
    this.discard = discard;
    this.list = byId("lines");
    this.box = byId("thread");
    this.lines = new Map(); // place → {line, element}
    this.pending = new Map(); // intent → element
  }

  clear() {
    for (const { element } of this.lines.values()) this.release(element);
    this.lines.clear();
    this.pending.clear();
    this.list.replaceChildren();
  }

  /** Show lines of the hub; returns those that are new and not the visitor's own. */
  merge(page) {
    const atEnd = this.isAtEnd();
    const fresh = [];
    for (const line of page.lines) {
      const known = this.lines.get(line.n);
      if (known?.line.id === line.id && known.line.gone === line.gone) continue;
      const element = this.draw(line);
      if (known) {
        this.release(known.element);
        known.element.replaceWith(element);
      } else {
        this.place(line.n, element);
        if (line.by !== "me") fresh.push(line);
      }
      this.lines.set(line.n, { line, element });
      this.arrived(line.intent);
    }
    for (const place of page.gone) this.takeBack(place);
    this.headings();
    if (page.lines.length) this.hideTyping();
    if (atEnd || page.lines.some((line) => line.by === "me")) this.toEnd();
    return fresh;
  }

  place(n, element) {
    const after = [...this.lines.keys()].filter((one) => one > n);
    const next = after.length ? this.lines.get(Math.min(...after)).element : this.firstPending();
    this.list.insertBefore(element, next ?? null);
  }

  firstPending() {
    return this.pending.values().next().value;
  }

  takeBack(place) {
    const known = this.lines.get(place);
    if (!known || known.line.gone) return;
    known.line = { ...known.line, gone: true, text: "", files: [] };
    const element = this.draw(known.line);
    this.release(known.element);
    known.element.replaceWith(element);
    known.element = element;
  }

  draw(line) {
    const mine = line.by === "me";
    const bubble = make("div", { className: "bubble" });
    if (line.gone) bubble.append(make("em", {}, words("gone")));
    else {
      if (line.text) bubble.append(make("p", { className: "words", dir: "auto" }, line.text));
      for (const file of line.files) bubble.append(this.drawFile(file));
    }
    return make(
      "li",
      { className: `line ${mine ? "mine" : "theirs"} ${line.by}` },
      make("p", { className: "by" }, this.speaker(line)),
      bubble,
      make("time", { className: "at", dateTime: line.at }, clock(line.at)),
    );
  }

  speaker(line) {
    if (line.by === "me") return words("you");
    if (line.by === "automatic") return words("automatic");
    return line.name ? words("personSays", { name: line.name }) : words("person");
  }

  /* Who speaks stands over the first of their lines; screen readers hear it with each. */
  headings() {
    let before = "";
    for (const n of [...this.lines.keys()].sort((a, b) => a - b)) {
      const { line, element } = this.lines.get(n);
      const who = line.by + line.name;
      element.classList.toggle("follows", who === before);
      before = who;
    }
  }

  // --- Files: fetched with the token, since an address alone opens nothing ---

  drawFile(file) {
    const name = file.name || file.id.slice(0, 8);
    const size = readableSize(file.size);
    const button = make(
      "button",
      { className: "file", type: "button", "aria-label": words("openFile", { name }) },
      make("span", { className: "file-name" }, name),
      make("span", { className: "file-size" }, size),
    );
    button.addEventListener("click", () => this.save(file, name, button));
    if (!IMAGES.test(file.type)) return button;
    const picture = make("img", { className: "picture", alt: words("picture", { name }) });
    picture.hidden = true;
    this.fetchFile(file)
      .then((blob) => {
        picture.src = URL.createObjectURL(blob);
        picture.onload = () => {
          const atEnd = this.isAtEnd();
          picture.hidden = false;
          if (atEnd) this.toEnd();
        };
      })
      .catch(() => {});
    return make("div", { className: "picture-box" }, picture, button);
  }

  async fetchFile(file) {
    const answer = await call(`/chat/files/${file.id}`, { session: this.session() });
    return answer.blob();
  }

  async save(file, name, button) {
    button.disabled = true;
    try {
      const address = URL.createObjectURL(await this.fetchFile(file));
      make("a", { href: address, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(address), 60000);
    } catch {
      button.querySelector(".file-size").textContent = words("failed");
    }
    button.disabled = false;
  }

  release(element) {
    for (const picture of element.querySelectorAll("img")) URL.revokeObjectURL(picture.src);
  }

  // --- What is on its way ---

  expect(intent, text, fileNames = []) {
    const bubble = make("div", { className: "bubble" });
    if (text) bubble.append(make("p", { className: "words", dir: "auto" }, text));
    for (const name of fileNames) bubble.append(make("p", { className: "file-name" }, name));
    const element = make(
      "li",
      { className: "line mine me pending" },
      make("p", { className: "by" }, words("you")),
      bubble,
      make("p", { className: "at delivery" }, words("sending")),
    );
    this.pending.set(intent, element);
    this.list.append(element);
    this.toEnd();
  }

  waits(offline) {
    for (const element of this.pending.values()) {
      if (!element.classList.contains("refused")) {
        element.querySelector(".delivery").textContent = words(offline ? "waiting" : "sending");
      }
    }
  }

  refuse(intent, sentence) {
    const element = this.pending.get(intent);
    if (!element) return;
    element.classList.add("refused");
    const again = make("button", { type: "button", className: "link-button" }, words("retry"));
    const away = make("button", { type: "button", className: "link-button" }, words("discard"));
    again.addEventListener("click", () => {
      this.remove(intent);
      this.retry(intent);
    });
    away.addEventListener("click", () => {
      this.remove(intent);
      this.discard(intent);
    });
    element
      .querySelector(".delivery")
      .replaceChildren(`${words("notSent")} ${sentence} `, again, " ", away);
    element.querySelector(".delivery").setAttribute("role", "alert");
    this.toEnd();
  }

  arrived(intent) {
    if (intent) this.remove(intent);
  }

  remove(intent) {
    this.pending.get(intent)?.remove();
    this.pending.delete(intent);
  }

  // --- Typing, scrolling, language ---

  showTyping() {
    const atEnd = this.isAtEnd();
    byId("typing").hidden = false;
    byId("typing-words").textContent = words("typing");
    clearTimeout(this.typingTimer);
    this.typingTimer = setTimeout(() => this.hideTyping(), TYPING_MS);
    if (atEnd) this.toEnd();
  }

  hideTyping() {
    byId("typing").hidden = true;
    byId("typing-words").textContent = "";
  }

  isAtEnd() {
    return this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < 60;
  }

  toEnd() {
    this.box.scrollTop = this.box.scrollHeight;
  }

  speak() {
    for (const { line, element } of this.lines.values()) {
      element.querySelector(".by").textContent = this.speaker(line);
      element.querySelector(".at").textContent = clock(line.at);
    }
    for (const element of this.pending.values()) {
      element.querySelector(".by").textContent = words("you");
    }
  }
}

function clock(at) {
  const moment = new Date(at);
  const isToday = moment.toDateString() === new Date().toDateString();
  const form = isToday
    ? { hour: "numeric", minute: "2-digit" }
    : { weekday: "short", hour: "numeric", minute: "2-digit" };
  return moment.toLocaleString(currentLanguage(), form);
}

function readableSize(bytes) {
  return bytes < 1024 * 1024
    ? `${Math.max(1, Math.round(bytes / 1024))} kB`
    : `${(bytes / 1024 / 1024).toLocaleString(currentLanguage(), { maximumFractionDigits: 1 })} MB`;
}
