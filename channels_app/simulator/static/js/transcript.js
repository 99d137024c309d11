/** What is heard in a call, and what its owner pressed and said, line by line. */

import { copyTemplate, showNumber } from "./words.js";

/** What interrupts the loop of place, offer and music that a waiting caller hears. */
const NEWS = ["pressed", "said", "heard", "beep"];
const NEAR_BOTTOM_PX = 40;

export class Transcript {
  constructor(box) {
    this.box = box;
    box.addEventListener("scroll", () => {
      this.following = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_BOTTOM_PX;
    });
    this.clear();
  }

  clear() {
    this.box.replaceChildren();
    this.numbers = new Set();
    /** The lines since the last news, by their words. */
    this.recent = new Map();
    this.last = null;
    this.following = true;
  }

  /** Show a line, unless it is there already; whether it was new. */
  show(line) {
    if (this.numbers.has(line.number)) return false;
    this.numbers.add(line.number);
    if (NEWS.includes(line.kind)) this.recent.clear();
    if (line.kind === "music" && line.text === "off") return true;
    if (this.#joinsLast(line) || this.#isRepeated(line)) return true;
    const entry = { kind: line.kind, text: line.text, times: 1, ...makeLine(line) };
    this.recent.set(keyOf(line), entry);
    this.last = entry;
    this.box.append(entry.element);
    this.toBottom();
    return true;
  }

  /** Keep the latest line in view, unless somebody reads further up. */
  toBottom() {
    if (this.following) this.box.scrollTop = this.box.scrollHeight;
  }

  /** Keys that follow one another are one line. */
  #joinsLast(line) {
    if (line.kind !== "pressed" || this.last?.kind !== "pressed") return false;
    this.last.text += line.text;
    this.last.part("words").textContent = pressedInWords(this.last.text);
    return true;
  }

  /** Who waits hears the same over and over; it is written once, and counted. */
  #isRepeated(line) {
    const before = this.recent.get(keyOf(line));
    if (!before) return false;
    before.times += 1;
    const again = before.part("again");
    again.textContent = ` × ${before.times}`;
    again.hidden = false;
    return true;
  }
}

const keyOf = ({ kind, text, who }) => `${kind} ${who} ${text}`;
const pressedInWords = (keys) => `You pressed ${keys}`;

function makeLine({ kind, text, who }) {
  const line = copyTemplate("heard-template");
  line.element.classList.add(kind);
  const { words, speaker, icon } = describe(kind, text, who);
  if (icon) line.element.prepend(document.getElementById(`${icon}-icon`).content.cloneNode(true));
  line.part("words").textContent = words;
  if (speaker) line.part("who").textContent = `${speaker}: `;
  return line;
}

function describe(kind, text, who) {
  switch (kind) {
    case "say":
      return { words: `“${text}”` };
    case "heard":
      return { words: `“${text}”`, speaker: who.startsWith("client:") ? "Clinic" : showNumber(who) };
    case "said":
      return { words: text, speaker: "You" };
    case "pressed":
      return { words: pressedInWords(text) };
    case "music":
      return { words: "music", icon: "music" };
    case "beep":
      return { words: "beep", icon: "beep" };
    default:
      return { words: text.split("/").pop() || "a sound", icon: "play" };
  }
}
