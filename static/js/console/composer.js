// The composer: whom it reaches, what is counted, what is kept, and how it goes out. One press of "send"
// is one intent, however often the request has to be made.

import { Refused, Unreachable, conversation, debounced, parse, post, words } from "./dom.js";
import { confirm } from "./confirm.js";
import { startCanned } from "./canned.js";
import { applyHead } from "./head.js";
import { applyRow } from "./rows.js";
import { count } from "./segments.js";
import { addPending, applyEntries, lastNumber, removePending, revision } from "./timeline.js";

const form = () => document.getElementById("composer");
const body = () => document.getElementById("body");
const DRAFT_AFTER = 700;
const TYPING_EVERY = 3000;

let files = [];
let lastTyping = 0;
let isDown = false;
const held = []; // what goes out when the line is back

export const isNote = () => form()?.classList.contains("is-note") ?? false;

// --- Whom it reaches -----------------------------------------------------------------------------

function route() {
  return document.getElementById("route").selectedOptions[0];
}

function showRoute() {
  const chosen = route();
  form().dataset.channel = chosen?.dataset.channel ?? "";
  form().dataset.window = chosen?.dataset.window ?? "";
  document.getElementById("template-open").dataset.query = `leg=${chosen?.value ?? ""}`;
  const reaches = document.getElementById("reaches");
  reaches.textContent = isNote() ? words("reachesNote") : (chosen?.dataset.reaches ?? reaches.textContent);
  reaches.title = reaches.textContent;
  document.getElementById("chat-link").hidden = chosen?.dataset.channel !== "sms";
  showCount();
}

function showCount() {
  const place = document.getElementById("count");
  const text = body().value;
  const limit = Number(route()?.dataset.limit ?? 0);
  const over = limit && text.length > limit;
  place.classList.toggle("is-over", Boolean(over));
  if (!text || !route()) place.textContent = "";
  else if (over) place.textContent = words("tooLong", { n: text.length - limit });
  else if (route().dataset.channel === "sms") {
    const { units, segments, encoding } = count(text);
    const parts = segments === 1 ? words("part") : words("parts", { n: segments });
    place.textContent = `${units} · ${parts}`;
    place.title = encoding;
  } else place.textContent = text.length > limit * 0.8 ? words("characters", { n: text.length }) : "";
}

/** A note or an answer; the text stays. */
export function setNote(on) {
  if (!form()) return;
  form().classList.toggle("is-note", on);
  document.getElementById("note-switch").setAttribute("aria-pressed", String(on));
  body().placeholder = on ? body().dataset.noteWords : body().dataset.answerWords;
  showRoute();
  if (body().value.trim()) saveDraft();
}

/** Begin to write: an answer, or a note. */
export function write({ note }) {
  if (!form()) return;
  setNote(note);
  if (form().offsetParent) body().focus();
}

// --- Drafts ----------------------------------------------------------------------------------------

function state(text) {
  document.getElementById("draft-state").textContent = text;
}

const saveDraft = debounced(() => storeDraft(form()), DRAFT_AFTER);

async function storeDraft(of, options = {}) {
  if (!of) return;
  const fields = {
    body: of.elements.body.value,
    is_note: of.classList.contains("is-note") ? "on" : "",
    channel: of.dataset.channel ?? "",
    seen: of.dataset.seen,
  };
  try {
    await post(of.dataset.draft, fields, options);
    if (of === form()) state(fields.body.trim() ? words("draftSaved") : "");
  } catch {
    if (of === form()) state(words("draftWaits"));
  }
}

/** Before the page shows another conversation: what waits to be kept is kept. */
export async function leaveComposer() {
  await saveDraft.now();
  files = [];
}

// --- Sending ---------------------------------------------------------------------------------------

function fail(sentence, again) {
  const place = document.getElementById("composer-error");
  if (!place) return;
  place.textContent = sentence;
  place.hidden = !sentence;
  if (sentence && again) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "link";
    button.textContent = words("tryAgain");
    button.addEventListener("click", again);
    place.append(button);
  }
}

function send() {
  const text = body().value;
  const note = isNote();
  if (!text.trim() && (note || !files.length)) {
    body().focus();
    return;
  }
  saveDraft.cancel();
  fail("");
  const message = {
    intent: crypto.randomUUID(),
    path: note ? form().dataset.noteAction : form().action,
    uuid: conversation().dataset.uuid,
    text,
    note,
    files,
    leg: note ? "" : document.getElementById("route").value,
    seen: form().dataset.seen,
  };
  body().value = "";
  files = [];
  showFiles();
  showCount();
  state("");
  addPending(message.intent, text || message.files.map((one) => one.name).join(", "), note);
  body().focus();
  hand(message);
}

async function hand(message) {
  if (isDown) {
    held.push(message);
    mark(message, words("offline"));
    return;
  }
  const data = new FormData();
  data.append("intent", message.intent);
  data.append("body", message.text);
  data.append("revision", revision());
  if (message.leg) data.append("leg", message.leg);
  if (message.seen) data.append("seen", message.seen);
  for (const file of message.files) data.append("files", file);
  try {
    take(message, await post(message.path, data));
  } catch (error) {
    if (error instanceof Unreachable) {
      mark(message, words("notSent"), () => hand(message));
    } else if (error instanceof Refused && error.code === "AnswerLanded") {
      await askFirst(message, error.message);
    } else {
      putBack(message, error.message);
      // The window closed while they wrote: the ways are drawn anew, with the picker.
      if (error.code === "WindowClosed") document.dispatchEvent(new CustomEvent("console:routes"));
    }
  }
}

function take(message, answer) {
  applyRow(answer.row);
  if (conversation()?.dataset.uuid !== message.uuid) return;
  removePending(message.intent);
  applyHead(answer.head);
  applyEntries(answer.entries);
  if (form()) form().dataset.seen = String(lastNumber());
}

/** Somebody else answered meanwhile: read theirs, or send both. */
async function askFirst(message, sentence) {
  const yes = await confirm(sentence, { yes: words("sendAnyway"), no: words("readFirst") });
  if (yes) {
    await hand({ ...message, seen: "" });
    return;
  }
  putBack(message, "");
}

/** The server said no: the words go back to where they were written. */
function putBack(message, sentence) {
  removePending(message.intent);
  if (conversation()?.dataset.uuid !== message.uuid || !form()) return;
  if (!body().value) body().value = message.text;
  if (!files.length) files = message.files;
  setNote(message.note);
  showFiles();
  showCount();
  fail(sentence);
  form().dataset.seen = String(lastNumber());
  saveDraft();
}

function mark(message, sentence, again) {
  const bubble = document.querySelector(`[data-intent="${message.intent}"] .delivery`);
  if (!bubble) return;
  bubble.textContent = sentence;
  if (!again) return;
  bubble.classList.add("is-failed");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "link";
  button.textContent = words("tryAgain");
  button.addEventListener("click", () => {
    bubble.classList.remove("is-failed");
    bubble.textContent = words("sending");
    again();
  });
  bubble.append(button);
}

/** The line went down or came back; what was held goes out in its order. */
export async function setConnection(isUp) {
  isDown = !isUp;
  if (!isUp) return;
  while (held.length && !isDown) await hand(held.shift());
  if (form() && body().value.trim()) saveDraft();
}

/** What could not be delivered, to be written once more, by another way where there is one. */
function again(text) {
  const field = document.getElementById("route");
  const other = [...field.options].find((one) => !one.disabled && !one.selected);
  if (other) field.value = other.value;
  setNote(false);
  if (!body().value) body().value = text;
  body().focus();
  typed();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-again]");
  if (button && form()) again(button.closest(".entry").querySelector(".entry-body")?.textContent ?? "");
});

// --- Files -------------------------------------------------------------------------------------------

function showFiles() {
  const list = document.getElementById("chosen-files");
  if (!list) return;
  list.replaceChildren(
    ...files.map((file, at) => {
      const item = document.createElement("li");
      const name = document.createElement("bdi");
      name.textContent = file.name;
      const button = document.createElement("button");
      button.type = "button";
      button.setAttribute("aria-label", words("remove", { name: file.name }));
      button.textContent = "×";
      button.addEventListener("click", () => {
        files = files.filter((_one, other) => other !== at);
        showFiles();
      });
      item.append(name, button);
      return item;
    }),
  );
  list.hidden = files.length === 0;
}

function addFiles(chosen) {
  files = [...files, ...chosen].slice(0, 10);
  showFiles();
}

// --- Typing ------------------------------------------------------------------------------------------

const others = new Map(); // uuid of a person → the timer after which they have stopped

/** Somebody else writes in this conversation. */
export function showTyping({ uuid, who }) {
  const place = document.getElementById("writing");
  if (!place || conversation()?.dataset.uuid !== uuid) return;
  clearTimeout(others.get(who));
  others.set(
    who,
    setTimeout(() => {
      others.delete(who);
      showWriting();
    }, 5000),
  );
  showWriting();
}

function showWriting() {
  const place = document.getElementById("writing");
  if (!place) return;
  place.hidden = others.size === 0;
  place.querySelector("[data-words]").textContent = words("writing", { who: [...others.keys()].join(", ") });
}

function typed() {
  const field = form();
  if (!field.dataset.began) {
    // What the writer has in front of them when they begin: an answer that lands later is asked about.
    field.dataset.began = "yes";
    field.dataset.seen = String(lastNumber());
  }
  if (!body().value) delete field.dataset.began;
  fail("");
  showCount();
  state("");
  saveDraft();
  if (Date.now() - lastTyping < TYPING_EVERY || !body().value) return;
  lastTyping = Date.now();
  const detail = { uuid: conversation().dataset.uuid };
  document.dispatchEvent(new CustomEvent("console:typing", { detail }));
}

// --- Beginning -----------------------------------------------------------------------------------------

export function startComposer() {
  for (const timer of others.values()) clearTimeout(timer);
  others.clear();
  files = [];
  const here = form();
  if (!here) return;
  if (body().value) here.dataset.began = "yes";
  setNote(isNote());
  saveDraft.cancel();
  here.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  document.getElementById("route").addEventListener("change", showRoute);
  document.getElementById("note-switch").addEventListener("click", () => {
    setNote(!isNote());
    body().focus();
  });
  body().addEventListener("input", typed);
  body().addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.key !== "Enter") return;
    const chat = here.dataset.channel === "chat" && !isNote();
    const plain = !event.shiftKey && !event.altKey && !event.ctrlKey && !event.metaKey;
    if (event.ctrlKey || event.metaKey || (chat && plain)) {
      event.preventDefault();
      send();
    }
  });
  document.getElementById("files").addEventListener("change", (event) => {
    addFiles(event.target.files);
    event.target.value = "";
  });
  body().addEventListener("paste", (event) => {
    if (!isNote() && event.clipboardData.files.length) addFiles(event.clipboardData.files);
  });
  startCanned(here, body(), {
    insert() {
      typed();
    },
  });
}

/** The routes and what holds for them are drawn anew, with what was written kept. */
export function replaceRoutes(html) {
  const fresh = parse(html).querySelector("#route");
  if (!fresh || !form()) return;
  const chosen = document.getElementById("route").value;
  document.getElementById("route").replaceWith(fresh);
  // Who has begun to write keeps their way; else the one that the patient uses now is offered.
  if (body().value && [...fresh.options].some((one) => one.value === chosen && !one.disabled)) fresh.value = chosen;
  fresh.addEventListener("change", showRoute);
  showRoute();
}

window.addEventListener("pagehide", () => {
  if (form() && saveDraft.now) {
    const of = form();
    if (of.dataset.began) storeDraft(of, { keepalive: true });
  }
});

