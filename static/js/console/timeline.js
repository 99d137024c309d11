// The thread: new lines, older lines, what is read. The number of a line is the truth; whatever comes
// twice or late is put where its number belongs.

import { announce, conversation, get, getJson, me, parse, words } from "./dom.js";
import { applyHead } from "./head.js";

const NEAR_END = 60; // px from the end that still count as "at the end"
const GROUP = 5 * 60_000; // lines of one author closer than this share one name

const thread = () => document.getElementById("thread");
const timeline = () => document.getElementById("timeline");
const pill = () => document.getElementById("pill");
let unseen = 0;

export const revision = () =>
  Math.max(
    Number(document.getElementById("head")?.dataset.revision ?? 0),
    ...[...(timeline()?.querySelectorAll("[data-revision]") ?? [])].map((one) => Number(one.dataset.revision)),
  );

export function lastNumber() {
  const entries = timeline()?.querySelectorAll(".entry[data-number]");
  return entries?.length ? Number(entries[entries.length - 1].dataset.number) : 0;
}

const isAtEnd = () =>
  thread().scrollHeight - thread().scrollTop - thread().clientHeight < NEAR_END;

export function toEnd() {
  thread().scrollTop = thread().scrollHeight;
  unseen = 0;
  showPill();
  tellRead();
}

function showPill() {
  pill().hidden = unseen === 0;
  pill().querySelector("[data-words]").textContent = words("newLines", { n: unseen });
  const composer = document.getElementById("composer-wrap");
  pill().parentElement.style.setProperty("--pill-at", `${composer.offsetHeight + 12}px`);
}

/**
 * Take in lines: [{number, revision, html}], of a live frame or of an answer to something done here.
 * A line that is here already is changed only by a higher revision.
 */
export function applyEntries(lines) {
  if (!timeline()) return;
  const stay = isAtEnd();
  let added = 0;
  for (const line of [...lines].sort((a, b) => a.number - b.number)) added += applyEntry(line);
  if (!added) {
    if (stay) thread().scrollTop = thread().scrollHeight;
    return;
  }
  if (stay && !document.hidden) toEnd();
  else {
    unseen += added;
    showPill();
  }
}

/** Put one line in; return 1 if it is news to the reader. */
function applyEntry({ number, revision: rank, html }) {
  const entry = parse(html).querySelector(".entry");
  const old = timeline().querySelector(`.entry[data-number="${number}"]`);
  if (old) {
    if (Number(old.dataset.revision) >= Number(rank)) return 0;
    if (old.classList.contains("is-continued")) entry.classList.add("is-continued");
    name(entry);
    old.replaceWith(entry);
    return 0;
  }
  const all = [...timeline().querySelectorAll(".entry[data-number]")];
  const first = all[0];
  // Older than what is loaded: it will come when somebody scrolls there.
  if (first && number < Number(first.dataset.number) && document.getElementById("older")) return 0;
  name(entry);
  const mine = entry.dataset.authorId === me();
  if (mine) dropPending(entry);
  const after = all.findLast((one) => Number(one.dataset.number) < number);
  if (after) after.after(entry);
  else timeline().prepend(entry);
  // A bubble that is still on its way stays last.
  for (const one of timeline().querySelectorAll(".is-pending-send")) timeline().append(one);
  arrange(entry, after);
  if (mine) return 0;
  say(entry);
  return 1;
}

function say(entry) {
  const text = entry.querySelector(".entry-body")?.textContent ?? entry.querySelector(".system span")?.textContent ?? "";
  const who = entry.querySelector(".entry-author")?.textContent ?? "";
  announce(who ? words("newLineSaid", { who, text }) : text.trim(), {
    urgent: entry.classList.contains("is-urgency"),
  });
}

/** "You" instead of one's own name. */
function name(entry) {
  const author = entry.querySelector(".entry-author");
  if (!author) return;
  if (entry.dataset.authorId === me()) author.textContent = words("you");
  else if (!author.textContent) author.textContent = document.getElementById("head").dataset.who;
}

/** Day before it, or the author's name left out, as the server does it for a whole page. */
function arrange(entry, before) {
  const day = entry.dataset.day;
  if (before?.dataset.day !== day) {
    const rule = document.createElement("li");
    rule.className = "day";
    rule.dataset.dayBreak = day;
    const label = document.createElement("span");
    label.textContent = dayLabel(day);
    rule.append(label);
    entry.before(rule);
    return;
  }
  const same = ["authorKind", "authorId", "channel", "kind"].every(
    (key) => entry.dataset[key] === before.dataset[key],
  );
  const close = Date.parse(entry.dataset.at) - Date.parse(before.dataset.at) < GROUP;
  if (same && close && entry.dataset.kind === "message" && entry.previousElementSibling === before)
    entry.classList.add("is-continued");
}

function dayLabel(day) {
  const date = new Date(`${day}T12:00:00`);
  const now = new Date();
  const apart = Math.round((new Date(now.toDateString()) - new Date(date.toDateString())) / 864e5);
  if (apart === 0) return words("today");
  if (apart === 1) return words("yesterday");
  return date.toLocaleDateString(document.documentElement.lang, { day: "numeric", month: "short" });
}

// --- What is on its way -------------------------------------------------------------------------

/** Show at once what is being sent; it is replaced by the line that the server numbers. */
export function addPending(intent, text, isNote) {
  const entry = document.createElement("li");
  entry.className = `entry ${isNote ? "is-note" : "is-ours"} is-pending-send`;
  entry.dataset.intent = intent;
  const bubble = document.createElement("div");
  bubble.className = "bubble";
  const body = document.createElement("p");
  body.className = "entry-body";
  body.dir = "auto";
  body.textContent = text;
  bubble.append(body);
  const state = document.createElement("p");
  state.className = "delivery is-ready";
  state.textContent = words("sending");
  entry.append(bubble, state);
  timeline().append(entry);
  toEnd();
  return entry;
}

export function removePending(intent) {
  timeline()?.querySelector(`[data-intent="${intent}"]`)?.remove();
}

/** The numbered line may come by the socket before the answer does: one of the two must go. */
function dropPending(entry) {
  const text = entry.querySelector(".entry-body")?.textContent ?? "";
  const same = [...timeline().querySelectorAll(".is-pending-send")].find(
    (one) => one.querySelector(".entry-body").textContent.trim() === text.trim(),
  );
  same?.remove();
}

// --- Older lines --------------------------------------------------------------------------------

async function loadOlder() {
  const button = document.getElementById("older");
  if (!button || button.disabled) return;
  button.disabled = true;
  const path = conversation().dataset.path;
  try {
    const fresh = parse(await get(`${path}entries?before=${button.dataset.before}`));
    const more = fresh.querySelector("[data-older]");
    more?.remove();
    const first = timeline().querySelector(".entry");
    const firstDay = timeline().querySelector(".day");
    // The day that both pages show stands once, above.
    const days = fresh.querySelectorAll(".entry");
    if (firstDay && days.length && days[days.length - 1].dataset.day === firstDay.dataset.dayBreak) firstDay.remove();
    const top = first.getBoundingClientRect().top;
    timeline().prepend(fresh);
    thread().scrollTop += first.getBoundingClientRect().top - top;
    if (more) button.dataset.before = more.dataset.older;
    else button.remove();
  } catch {
    // The button stays; whoever scrolls or presses again tries again.
  } finally {
    button.disabled = false;
  }
}

// --- What changed meanwhile ---------------------------------------------------------------------

/** Ask for all that changed since what is shown; loads the page anew where that is too much. */
export async function catchUp() {
  const here = conversation();
  if (!here) return;
  const changes = await getJson(`${here.dataset.path}changes?since=${revision()}`);
  if (conversation()?.dataset.uuid !== here.dataset.uuid) return;
  if (!changes.is_complete) location.reload();
  applyHead(changes.head);
  applyEntries(changes.entries);
}

// --- What is read -------------------------------------------------------------------------------

let told = "";

/** Tell, once per line, how far the person has read in a page that is in front of them. */
function tellRead() {
  const here = conversation();
  if (!here || document.hidden || !isAtEnd()) return;
  const number = lastNumber();
  const key = `${here.dataset.uuid} ${number}`;
  if (key === told || !number) return;
  told = key;
  const detail = { uuid: here.dataset.uuid, number };
  document.dispatchEvent(new CustomEvent("console:read", { detail }));
}

/** Begin with a thread that was just put into the page. */
export function startTimeline() {
  if (!timeline()) return;
  unseen = 0;
  const rule = document.getElementById("new-rule");
  if (rule) {
    thread().scrollTop = rule.offsetTop - thread().offsetTop - 80;
  } else thread().scrollTop = thread().scrollHeight;
  tellRead();
  thread().addEventListener(
    "scroll",
    () => {
      if (thread().scrollTop < 300) loadOlder();
      if (isAtEnd()) {
        unseen = 0;
        showPill();
        tellRead();
      }
    },
    { passive: true },
  );
  document.getElementById("older")?.addEventListener("click", loadOlder);
  pill().addEventListener("click", toEnd);
}

document.addEventListener("visibilitychange", () => timeline() && tellRead());
// What was read while the line was down, or before it was first up, is told once it is.
document.addEventListener("console:connection", ({ detail }) => {
  told = "";
  if (detail.up && timeline()) tellRead();
});
