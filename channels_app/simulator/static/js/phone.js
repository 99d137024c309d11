/** One phone on the desk: its thread of texts and past calls, its composer, its calls. */

import { ask } from "./api.js";
import { CallScreen, phaseInWords } from "./call.js";
import { makePastCall } from "./past_calls.js";
import { copyTemplate, showNumber, showTime, writeWithLinks } from "./words.js";

const NEAR_BOTTOM_PX = 60;
/** What is written beside a message; of a plain text nothing is. */
const WAYS = { whatsapp: "WhatsApp", messenger: "Messenger" };

export class Phone {
  /** @param {{e164: string, label: string}} shown  @param {string[]} numbers the clinic's */
  constructor(shown, numbers) {
    this.e164 = shown.e164;
    this.lines = new Map();
    this.pastCalls = new Set();
    const { element, part } = copyTemplate("phone-template");
    this.element = element;
    this.part = part;
    element.dataset.phone = shown.e164;
    element.setAttribute("aria-label", `Phone ${showNumber(shown.e164)}`);
    part("number").textContent = showNumber(shown.e164);
    part("label").textContent = shown.label || "A new patient’s phone";
    part("thread").setAttribute("aria-label", `Texts of ${showNumber(shown.e164)}`);
    this.#offerNumbers(numbers);
    this.screen = new CallScreen(shown, () => part("to").value, {
      onChange: () => this.#drawCall(),
      onClose: () => part("dial").focus(),
    });
    element.append(this.screen.element);
    part("dial").addEventListener("click", () => this.#dial());
    part("return").addEventListener("click", () => this.screen.bringBack());
    part("line").addEventListener("change", ({ target }) =>
      ask("POST", `/phones/${this.e164}/line`, { behaviour: target.value }),
    );
    part("close").addEventListener("click", () => ask("DELETE", `/phones/${this.e164}`));
    part("stop").addEventListener("click", () => this.#send("STOP", []));
    part("composer").addEventListener("submit", (event) => this.#submit(event));
    part("text").addEventListener("keydown", (event) => this.#sendOnEnter(event));
    part("text").addEventListener("input", () => this.#fit());
    part("files").addEventListener("change", () => this.#showChosen());
  }

  /** Fetch the thread and the calls and show them; also what was missed while away. */
  async load() {
    const [{ messages }, { calls }] = await Promise.all([
      ask("GET", `/phones/${this.e164}/messages`),
      ask("GET", `/phones/${this.e164}/calls`),
    ]);
    for (const message of messages) this.show(message, { quietly: true });
    for (const call of calls) this.#keepCall(call);
    this.showLine(await this.screen.load());
    this.#toBottom();
  }

  /** Show a call: on the screen while it goes on, among the texts when it is over. */
  followCall(call) {
    this.screen.follow(call);
    const wasAtBottom = this.#isAtBottom();
    this.#keepCall(call);
    if (wasAtBottom) this.#toBottom();
  }

  /** Show what the phone does when it is called. */
  showLine({ behaviour }) {
    this.part("line").value = behaviour;
  }

  /** Take it off the desk. */
  remove() {
    this.screen.remove();
    this.element.remove();
  }

  /** Show a message, or what became of one that is shown already. */
  show(message, { quietly = false } = {}) {
    if (!message.on_screen) return;
    const wasAtBottom = this.#isAtBottom();
    let line = this.lines.get(message.sid);
    if (!line) {
      line = this.#newLine(message);
      this.lines.set(message.sid, line);
      this.#insert(line.element, message.at);
    }
    // An answer to a question may be overtaken by an event that is newer.
    if (line.revision > message.revision) return;
    line.revision = message.revision;
    const failed = message.direction === "inbound" && ["refused", "lost"].includes(message.handover);
    line.element.classList.toggle("failed", failed);
    line.part("fate").textContent = [WAYS[message.channel], fateOf(message)].filter(Boolean).join(" · ");
    if (!quietly && wasAtBottom) this.#toBottom();
  }

  async #dial() {
    const problem = this.part("problem");
    problem.textContent = "";
    try {
      await this.screen.dial();
    } catch (error) {
      problem.textContent = `Not called: ${error.message}`;
    }
  }

  #keepCall(call) {
    if (call.phase !== "ended" || this.pastCalls.has(call.sid)) return;
    this.pastCalls.add(call.sid);
    this.#insert(makePastCall(call), call.at);
  }

  /** Calls appear when they are over, at the place where they began. */
  #insert(element, at) {
    const thread = this.part("thread");
    element.dataset.at = at;
    this.part("empty").hidden = true;
    const began = new Date(at);
    const later = [...thread.children].find(({ dataset }) => dataset.at && new Date(dataset.at) > began);
    thread.insertBefore(element, later ?? null);
  }

  #drawCall() {
    const { inBackground, call, element } = this.screen;
    // What lies under the call's screen is out of reach, by eye and by keyboard.
    for (const child of this.element.children)
      if (child !== element && !child.matches(".phone-head")) child.inert = !element.hidden;
    this.part("return").hidden = !inBackground;
    if (inBackground) this.part("return-word").textContent = `${phaseInWords(call)}: back to the call`;
    this.part("dial").disabled = inBackground;
  }

  #newLine(message) {
    const line = copyTemplate("bubble-template");
    const mine = message.direction === "inbound";
    line.element.classList.toggle("mine", mine);
    line.element.dataset.sid = message.sid;
    line.part("who").textContent = mine ? "You: " : "Clinic: ";
    writeWithLinks(line.part("body"), message.body);
    line.part("time").textContent = showTime(message.at);
    line.part("time").dateTime = message.at;
    for (const media of message.media) line.part("pictures").append(makePicture(media, mine));
    return line;
  }

  #offerNumbers(numbers) {
    const select = this.part("to");
    for (const number of numbers) select.add(new Option(showNumber(number), number));
    this.part("recipient").hidden = numbers.length < 2;
  }

  async #submit(event) {
    event.preventDefault();
    const text = this.part("text");
    const files = [...this.part("files").files];
    if (!text.value.trim() && !files.length) {
      text.focus();
      return;
    }
    if (await this.#send(text.value, files)) {
      text.value = "";
      this.part("files").value = "";
      this.#showChosen();
      this.#fit();
    }
    text.focus();
  }

  async #send(body, files) {
    const problem = this.part("problem");
    problem.textContent = "";
    try {
      const media = await Promise.all(files.map(readFile));
      const to = this.part("to").value;
      const channel = this.part("way").value;
      this.show(await ask("POST", `/phones/${this.e164}/send`, { body, media, to, channel }));
      this.#toBottom();
      return true;
    } catch (error) {
      problem.textContent = `Not sent: ${error.message}`;
      return false;
    }
  }

  #sendOnEnter(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.part("composer").requestSubmit();
  }

  #showChosen() {
    const list = this.part("chosen");
    const input = this.part("files");
    list.replaceChildren(
      ...[...input.files].map((file) => {
        const item = document.createElement("li");
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = `${file.name} ✕`;
        button.setAttribute("aria-label", `Remove ${file.name}`);
        button.addEventListener("click", () => this.#unchoose(file));
        item.append(button);
        return item;
      }),
    );
    list.hidden = !input.files.length;
  }

  #unchoose(file) {
    const kept = new DataTransfer();
    for (const other of this.part("files").files) if (other !== file) kept.items.add(other);
    this.part("files").files = kept.files;
    this.#showChosen();
    this.part("text").focus();
  }

  #fit() {
    const text = this.part("text");
    text.style.height = "auto";
    text.style.height = `${text.scrollHeight + 2}px`;
  }

  #isAtBottom() {
    const thread = this.part("thread");
    return thread.scrollHeight - thread.scrollTop - thread.clientHeight < NEAR_BOTTOM_PX;
  }

  #toBottom() {
    const thread = this.part("thread");
    thread.scrollTop = thread.scrollHeight;
  }
}

function fateOf(message) {
  if (message.direction === "outbound") return "";
  return {
    sending: "Sending…",
    taken: "Delivered",
    refused: "Not taken by the hub",
    lost: "Lost on the way",
  }[message.handover];
}

function makePicture(media, mine) {
  const link = document.createElement("a");
  link.href = media.url;
  link.target = "_blank";
  link.rel = "noopener noreferrer";
  if (media.content_type.startsWith("image/")) {
    const image = document.createElement("img");
    image.src = media.url;
    image.alt = mine ? "Picture you sent" : "Picture from the clinic";
    link.append(image);
  } else {
    link.textContent = `File (${media.content_type})`;
  }
  return link;
}

/** A chosen file as the control API takes it. */
function readFile(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () =>
      resolve({
        content_type: file.type || "application/octet-stream",
        base64: reader.result.slice(reader.result.indexOf(",") + 1),
      }),
    );
    reader.addEventListener("error", () => reject(new Error("the file could not be read")));
    reader.readAsDataURL(file);
  });
}
