/* The chat app: the same in the widget's frame, as a page of its own, and behind a texted link. */

import { Ask } from "./ask.js";
import { CallMe } from "./call-me.js";
import { Composer } from "./composer.js";
import { Connection } from "./connection.js";
import { byId, fillCalls, fillWords } from "./dom.js";
import { Frame } from "./frame.js";
import { Gate } from "./gate.js";
import { isLasting, lasting, randomText, randomUuid } from "./keep.js";
import { call } from "./server.js";
import { Thread } from "./thread.js";
import { currentLanguage, setLanguage, words } from "./words.js";

const config = JSON.parse(byId("config").textContent);
const KEY = `hub-chat:${config.mode === "link" ? "c" : config.site}`;

let session = null; // {token, site}
let connection = null;
let head = null;
let frame = null;
let place = 0;
let unread = 0;
let starting = null;
let said = {};
const sentTexts = new Map(); // intent → {text, files}, to try again

const thread = new Thread({
  session: () => session,
  retry: (intent) => write(sentTexts.get(intent).text, sentTexts.get(intent).files),
  discard: (intent) => sentTexts.delete(intent),
});
const composer = new Composer({
  maxBytes: config.maxBytes,
  on: { write, typing: () => connection?.typing() },
});
const gate = new Gate(config.name);
const ask = new Ask({
  tell,
  done: () => byId("text").focus(),
  drawn: () => thread.toEnd(),
});

const callMe = new CallMe({
  session: () => session,
  sentenceOf,
  drawn: () => thread.toEnd(),
});

// --- Language ---

function beginLanguage() {
  const wished = new URLSearchParams(location.search).get("language");
  setLanguage(lasting.get("hub-chat:language") ?? wished ?? navigator.language.slice(0, 2));
}

function speak() {
  document.title = `${config.name} · Chat`;
  fillWords();
  fillCalls(byId("emergency-words"), words("emergency"));
  byId("name").textContent = words("launcher", { name: config.name });
  byId("launcher-words").textContent = words("launcher", { name: config.name });
  byId("language-words").textContent = words("switchLanguage");
  byId("language-words").lang = currentLanguage() === "en" ? "es" : "en";
  composer.speak();
  thread.speak();
  if (ask.questions.length) ask.draw();
  if (!byId("call").hidden) callMe.open();
  drawHead();
}

byId("language").addEventListener("click", () => {
  setLanguage(currentLanguage() === "en" ? "es" : "en");
  lasting.set("hub-chat:language", currentLanguage());
  speak();
  gate.draw();
  if (connection) connection.speak();
});

// --- Head: who is there, and when an answer can be expected ---

function drawHead() {
  const known = head ?? config.presence[currentLanguage()];
  const now = { here: true, text: config.text, ...known };
  const person = now.person;
  byId("title").textContent = person ? `${person}, ${now.department}` : config.name;
  byId("avatar").textContent = (person || config.name).slice(0, 1);
  byId("subtitle").textContent = presenceWords(known);
  const welcome = config.mode === "link" ? "welcomeLink" : now.here ? "welcome" : "welcomeAway";
  byId("welcome").textContent =
    words(welcome) + (config.mode === "link" ? "" : ` ${words(isLasting ? "mayClose" : "stayOpen")}`);
  const text = now.text;
  byId("by-text").hidden = !text || (now.here && config.mode !== "link");
  if (text) {
    byId("by-text").href = `sms:${text.href}`;
    byId("by-text").target = config.mode === "frame" ? "_blank" : "_self";
    byId("by-text").rel = "noopener";
    byId("by-text-words").textContent = words("byText", { number: text.shown });
  }
  byId("end").hidden = !session;
  byId("call-me").hidden = head?.state !== "open";
  if (byId("call-me").hidden) byId("call").hidden = true;
  byId("ways").hidden = byId("by-text").hidden && byId("end").hidden;
  if (head?.state === "ended") state(words("ended"));
  else if (byId("state").dataset.kind !== "cut") state("");
}

function presenceWords(known) {
  if (!known) return words("chat");
  if (known.here) return words(known.person ? "person" : "here");
  return known.expected ? words("awayUntil", { when: known.expected }) : words("away");
}

function state(sentence, kind = "") {
  const box = byId("state");
  box.dataset.kind = kind;
  box.hidden = !sentence;
  if (box.textContent !== sentence) box.textContent = sentence;
}

// --- A session begins, goes on, ends ---

function showChat() {
  gate.hide();
  byId("thread").hidden = false;
  byId("composer").hidden = false;
  drawHead();
  composer.fit();
}

function adopt(found) {
  session = found;
  lasting.set(KEY, session);
  connect();
}

function connect() {
  connection?.stop();
  place = 0;
  connection = new Connection(session, {
    lines,
    sent: (intent) => sentTexts.delete(intent),
    refused: (intent, code, message) => thread.refuse(intent, sentenceOf(code, message)),
    typing: () => thread.showTyping(),
    over,
    up,
  });
  for (const one of connection.queue) {
    sentTexts.set(one.intent, { text: one.text, files: [] });
    if (!thread.pending.has(one.intent)) thread.expect(one.intent, one.text);
  }
  connection.start();
  showChat();
}

async function ensureSession() {
  if (session) return;
  starting ??= call("/chat/sessions", {
    json: { site: config.site, language: currentLanguage(), ...said },
  })
    .then((answer) => answer.json())
    .then(adopt)
    .finally(() => {
      starting = null;
    });
  await starting;
}

async function write(text, files) {
  const intent = randomUuid();
  sentTexts.set(intent, { text, files });
  const isFirst = !session;
  thread.expect(intent, text, files.map((file) => file.name));
  try {
    await ensureSession();
    if (files.length) await connection.sendFiles(intent, text, files);
    else connection.send(intent, text);
    if (isFirst && config.mode !== "link" && !said.name && !said.birth_date) ask.begin();
  } catch (refusal) {
    if (refusal.status === 401) over(refusal.code);
    else thread.refuse(intent, sentenceOf(refusal.code, refusal.message));
  }
}

function sentenceOf(code, message) {
  return code === "too_often" || code === "too_long"
    ? words(code)
    : code === "offline"
      ? words("reconnecting")
      : message || words("failed");
}

function tell(answer) {
  said = { ...said, ...answer };
  if (session) call("/chat/said", { session, json: answer }).catch(() => {});
}

function over(code) {
  connection?.stop();
  connection = null;
  session = null;
  head = null;
  lasting.set(KEY, null);
  ask.stop();
  byId("call").hidden = true;
  state("");
  if (code === "moved") gate.show("moved", "movedText", null);
  else if (config.mode === "link") gate.show("over", "overText", null);
  else gate.show("over", "overText", { label: "again", act: beginAnew });
}

function beginAnew() {
  thread.clear();
  sentTexts.clear();
  said = {};
  showChat();
  byId("text").focus();
}

byId("end").addEventListener("click", () => {
  const ended = session;
  gate.show("end", "endSure", {
    label: "endYes",
    act: async () => {
      try {
        await call("/chat/end", { session: ended, json: {} });
      } catch (refusal) {
        if (refusal.status !== 401) {
          gate.note(words("failed"));
          return;
        }
      }
      thread.clear();
      over("over");
    },
  }, { label: "endNo", act: showChat });
});

window.addEventListener("storage", (event) => {
  if (event.key !== KEY) return;
  const found = lasting.get(KEY);
  if (found && found.token !== session?.token) {
    thread.clear();
    adopt(found);
  } else if (!found && session) {
    thread.clear();
    over("over");
  }
});

// --- News ---

function lines(page) {
  const isCatchUp = place === 0;
  head = page.head;
  place = page.last;
  const fresh = thread.merge(page);
  for (const line of page.lines) sentTexts.delete(line.intent);
  drawHead();
  if (isCatchUp && page.more === false && thread.lines.size === 0) thread.toEnd();
  if (isLooking()) markSeen();
  else if (fresh.length && !isCatchUp) showUnread(unread + fresh.length);
}

function isLooking() {
  return document.visibilityState === "visible" && (!frame || frame.isOpen);
}

function markSeen() {
  showUnread(0);
  if (place) connection?.seen(place);
}

function showUnread(count) {
  unread = count;
  byId("unread").hidden = !count;
  byId("unread").textContent = count > 9 ? "9+" : String(count);
  byId("launcher-words").textContent = count
    ? `${words("launcher", { name: config.name })}, ${words("unread", { n: count })}`
    : words("launcher", { name: config.name });
  document.title = count ? `(${count}) ${words("newMessage")}` : `${config.name} · Chat`;
}

document.addEventListener("visibilitychange", () => {
  if (isLooking()) markSeen();
});

let cutTimer = 0;

function up(isUp) {
  clearTimeout(cutTimer);
  if (isUp) {
    if (byId("state").dataset.kind === "cut") state("");
    thread.waits(false);
    drawHead();
    return;
  }
  // A blink is not worth a word.
  cutTimer = setTimeout(() => {
    state(words("reconnecting"), "cut");
    thread.waits(true);
  }, 1000);
}

// --- Behind a texted link ---

function openLink() {
  const token = decodeURIComponent(location.hash.slice(1));
  // The token is only in this page's memory from here on: not in the history, nor over a shoulder.
  if (token) history.replaceState(null, "", location.pathname);
  const kept = lasting.get(KEY);
  if (!token) {
    if (kept) adopt(kept);
    else gate.show("noLink", "noLinkText", null);
    return;
  }
  const browser = lasting.get("hub-chat:browser") ?? randomText(24);
  lasting.set("hub-chat:browser", browser);
  gate.show("linkTitle", "linkText", { label: "start", act: () => startByLink(token, browser) });
}

async function startByLink(token, browser) {
  try {
    const answer = await call("/c/start", {
      json: { link: token, browser, language: currentLanguage() },
    });
    thread.clear();
    adopt(await answer.json());
    byId("text").focus();
  } catch (refusal) {
    if (refusal.code === "link_used" || refusal.code === "link_expired") {
      gate.show(refusal.code, `${refusal.code}Text`, { label: "newLink", act: () => renew(token) });
    } else if (refusal.code === "link_unknown") gate.show("link_unknown", "link_unknownText", null);
    else if (refusal.status === 401) {
      gate.show("link_expired", "link_expiredText", { label: "newLink", act: () => renew(token) });
    } else gate.note(sentenceOf(refusal.code, refusal.message));
  }
}

async function renew(token) {
  try {
    await call("/c/renew", { json: { link: token } });
    gate.done(words("newLinkSent"));
  } catch (refusal) {
    const isOver = refusal.code === "no_new_link";
    gate.note(isOver ? words("no_new_link") : sentenceOf(refusal.code, refusal.message));
  }
}

// --- Begin ---

beginLanguage();
if (config.mode === "frame") {
  frame = new Frame({
    origins: config.origins,
    opened(isOpen) {
      if (!isOpen) return;
      composer.fit();
      thread.toEnd();
      markSeen();
      (byId("composer").hidden ? byId("gate-title") : byId("text")).focus();
    },
  });
} else byId("panel").hidden = false;
speak();
if (config.mode === "link") openLink();
else {
  session = lasting.get(KEY);
  if (session) connect();
  else showChat();
}
window.addEventListener("hashchange", () => {
  if (config.mode === "link" && location.hash.length > 1) {
    connection?.stop();
    connection = null;
    openLink();
  }
});
