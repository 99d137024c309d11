/** The call screen of one phone: its state, what is heard, the keypad, the words spoken. */

import { ask } from "./api.js";
import { ringing, sound } from "./sounds.js";
import { Transcript } from "./transcript.js";
import { copyTemplate, showLength, showNumber } from "./words.js";

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];
const SPOKEN = { "*": "Star", "#": "Pound" };
const PHASES = {
  calling: "Calling…",
  ringing: "Incoming call",
  menu: "In the menu",
  recording: "Leaving a message",
  waiting: "Waiting",
  talking: "Connected",
  held: "On hold",
};
const NOT_LIVE = ["calling", "ringing", "ended"];
const SECOND_MS = 1000;

/** What a phone's screen says that a call is doing now. */
export const phaseInWords = (call) =>
  call.phase === "ended" ? endInWords(call) : PHASES[call.phase];

export const isIncoming = (call) => call.direction !== "inbound";
/** A call that has not reached the called phone yet: nothing is to be seen of it there. */
export const isOnItsWay = (call) => isIncoming(call) && call.phase === "calling";
export const clinicsNumber = (call) => (isIncoming(call) ? call.from : call.to);

function endInWords({ status }) {
  const words = { busy: "Busy", "no-answer": "No answer", failed: "The call failed" };
  return words[status] ?? "The call has ended";
}

export class CallScreen {
  /**
   * @param {{e164: string, label: string}} shown the phone
   * @param {() => string} chosen the clinic's number that is dialled
   * @param {{onChange: () => void, onClose: () => void}} told when the call changes, and when the
   *   screen was put away
   */
  constructor({ e164, label }, chosen, told) {
    this.e164 = e164;
    this.chosen = chosen;
    this.told = told;
    this.call = null;
    this.aside = false;
    const { element, part } = copyTemplate("call-template");
    this.element = element;
    this.part = part;
    element.setAttribute("aria-label", `Call on ${showNumber(e164)}`);
    part("whose").textContent = label || showNumber(e164);
    part("transcript").setAttribute("aria-label", `Heard on ${showNumber(e164)}`);
    this.transcript = new Transcript(part("transcript"));
    part("keypad").append(...KEYS.map((key) => this.#makeKey(key)));
    element.addEventListener("keydown", (event) => this.#pressByKeyboard(event));
    part("speaking").addEventListener("submit", (event) => this.#speak(event));
    part("hang-up").addEventListener("click", () => this.#end("hang-up"));
    part("decline").addEventListener("click", () => this.#end("reject"));
    part("answer").addEventListener("click", () => this.#answer());
    part("leave").addEventListener("click", () => this.#putAside());
    part("toggle-keys").addEventListener("click", () => this.#toggleKeys());
    part("close-call").addEventListener("click", () => this.#close());
    part("redial").addEventListener("click", () => this.dial(clinicsNumber(this.call)));
  }

  /** Whether a call goes on whose screen is not shown, as its owner reads the texts. */
  get inBackground() {
    return this.aside && this.call !== null && this.call.phase !== "ended";
  }

  /** Call the clinic, by default at the number chosen on this phone. */
  async dial(number = this.chosen()) {
    this.aside = false;
    const call = await ask("POST", `/phones/${this.e164}/dial`, { to: number });
    this.follow(call);
    this.element.focus();
  }

  /** Fetch the call that goes on, if any, and all that was heard in it. */
  async load() {
    const { call, heard, line } = await ask("GET", `/phones/${this.e164}/call`);
    if (call && (call.phase !== "ended" || call.sid === this.call?.sid)) {
      this.follow(call);
      for (const each of heard) this.hear(call.sid, each, { quietly: true });
      this.transcript.toBottom();
    }
    return line;
  }

  /** Show a call, or what became of the one that is shown. */
  follow(call) {
    if (this.call?.sid !== call.sid) {
      // The end of another call, such as one that found the line busy, is for the history alone.
      if (call.phase === "ended" || isOnItsWay(call) || this.#isOn()) return;
      this.#begin(call);
    } else if (call.revision < this.call.revision) {
      return;
    }
    this.call = call;
    if (call.phase === "ringing") ringing.start(this.e164);
    else ringing.stop(this.e164);
    this.#draw();
    this.told.onChange();
  }

  /** Show one line of what is heard and done. */
  hear(sid, line, { quietly = false } = {}) {
    if (this.call?.sid !== sid || !this.transcript.show(line) || quietly) return;
    if (line.kind === "beep") sound.beep();
    if (line.kind === "pressed") for (const key of line.text) this.#flash(key);
  }

  /** Bring the call's screen back in front of the texts. */
  bringBack() {
    this.aside = false;
    this.#draw();
    this.told.onChange();
    this.element.focus();
  }

  /** The phone is put away: nothing rings any more. */
  remove() {
    ringing.stop(this.e164);
    clearInterval(this.ticking);
  }

  #isOn() {
    return this.call !== null && this.call.phase !== "ended";
  }

  #begin(call) {
    this.transcript.clear();
    this.answeredAt = null;
    this.mineToClose = false;
    this.aside = false;
    this.part("call-problem").textContent = "";
    this.part("speech").value = "";
    this.part("peer").textContent = isIncoming(call) ? "The clinic calls" : "The clinic";
    this.part("peer-number").textContent = showNumber(clinicsNumber(call));
    this.#showKeys(true);
  }

  #draw() {
    const { phase, seconds } = this.call;
    const live = !NOT_LIVE.includes(phase);
    const part = this.part;
    if (phase === "ended" && this.mineToClose) {
      this.#close();
      return;
    }
    if (live) this.answeredAt ??= performance.now() - seconds * SECOND_MS;
    this.element.hidden = this.inBackground;
    this.element.dataset.phase = phase;
    if (part("state").textContent !== phaseInWords(this.call))
      part("state").textContent = phaseInWords(this.call);
    const focused = this.element.contains(document.activeElement) && document.activeElement;
    part("speaking").hidden = !live;
    part("keypad").hidden = !live || !this.keysShown;
    part("actions-talking").hidden = phase === "ringing" || phase === "ended";
    part("actions-ringing").hidden = phase !== "ringing";
    part("actions-ended").hidden = phase !== "ended";
    part("toggle-keys").disabled = !live;
    // What had the focus may be gone; keys are still pressed by keyboard.
    if (focused && !focused.checkVisibility()) this.element.focus();
    this.#tick(live);
    this.transcript.toBottom();
  }

  #tick(live) {
    clearInterval(this.ticking);
    const timer = this.part("timer");
    const show = () => {
      timer.textContent = showLength(
        live ? (performance.now() - this.answeredAt) / SECOND_MS : this.call.seconds,
      );
    };
    timer.hidden = this.answeredAt === null;
    if (live) this.ticking = setInterval(show, SECOND_MS / 4);
    if (this.answeredAt !== null) show();
  }

  #makeKey(key) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "key";
    button.dataset.key = key;
    button.textContent = key;
    if (SPOKEN[key]) button.setAttribute("aria-label", SPOKEN[key]);
    button.addEventListener("click", () => this.#press(key));
    return button;
  }

  #pressByKeyboard(event) {
    const elsewhere = event.target.matches("input") || event.ctrlKey || event.altKey || event.metaKey;
    if (elsewhere || !KEYS.includes(event.key) || this.part("speaking").hidden) return;
    event.preventDefault();
    this.#press(event.key);
  }

  #press(key) {
    sound.key(key);
    return this.#do("press", { digits: key });
  }

  #flash(key) {
    const button = this.element.querySelector(`[data-key="${key}"]`);
    button.classList.add("down");
    setTimeout(() => button.classList.remove("down"), SECOND_MS / 6);
  }

  async #speak(event) {
    event.preventDefault();
    const words = this.part("speech");
    if (words.value.trim() && (await this.#do("say", { text: words.value.trim() })))
      words.value = "";
    words.focus();
  }

  async #answer() {
    await this.#do("answer");
    this.element.focus();
  }

  async #end(how) {
    this.mineToClose = true;
    await this.#do(how);
  }

  #putAside() {
    this.aside = true;
    this.#draw();
    this.told.onChange();
    this.told.onClose();
  }

  #toggleKeys() {
    this.#showKeys(!this.keysShown);
    this.#draw();
  }

  #showKeys(on) {
    this.keysShown = on;
    this.part("toggle-keys").setAttribute("aria-pressed", on);
  }

  #close() {
    const hadFocus = this.element.contains(document.activeElement);
    clearInterval(this.ticking);
    this.element.hidden = true;
    this.told.onChange();
    if (hadFocus) this.told.onClose();
  }

  async #do(what, fields = {}) {
    const problem = this.part("call-problem");
    problem.textContent = "";
    try {
      const call = await ask("POST", `/phones/${this.e164}/${what}`, fields);
      if (call.sid === this.call?.sid) this.follow(call);
      return true;
    } catch (error) {
      problem.textContent = `Not done: ${error.message}`;
      return false;
    }
  }
}
