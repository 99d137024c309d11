// The console's websocket: a hint, while revisions are the truth. After a cut it connects anew, says
// what it shows and up to which revision, and gets what it missed. It never keeps a log-in alive.

import { conversation, frame, me, words } from "./dom.js";
import { showTyping } from "./composer.js";
import { applyHead } from "./head.js";
import { applyOffers, justMissed } from "./offers.js";
import { refreshPanel } from "./open.js";
import { followRoutes } from "./routes.js";
import { applyRow, applyUnread, leave, refreshList } from "./rows.js";
import { applyEntries, catchUp, revision } from "./timeline.js";
import { toast } from "./toast.js";

const FIRST_WAIT = 250; // ms before the first try to connect again
const LONGEST_WAIT = 10_000;
const TYPING_EVERY = 2_000;
const ENDED = new Set([4401, 4403]); // logged out, or never let in: trying again is no use

let socket = null;
let wait = FIRST_WAIT;
let retry = 0;
let opened = ""; // the conversation that the server knows we show
let active = false; // whether the server counts us as attending to it
let typedAt = 0;

const isUp = () => socket?.readyState === WebSocket.OPEN;

function say(message) {
  if (isUp()) socket.send(JSON.stringify(message));
}

function connect() {
  clearTimeout(retry);
  const address = new URL(`${frame().dataset.root}socket`, location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(address);
  socket.addEventListener("message", ({ data }) => take(JSON.parse(data)));
  socket.addEventListener("close", ({ code }) => {
    down();
    if (ENDED.has(code)) {
      // The lock screen asks the server what became of the log-in, and shows the way back.
      document.dispatchEvent(new CustomEvent("hub:check-session"));
      return;
    }
    // With jitter, so that a hundred consoles do not come back in one moment.
    retry = setTimeout(connect, wait * (0.75 + Math.random() / 2));
    wait = Math.min(wait * 2, LONGEST_WAIT);
  });
}

function down() {
  opened = "";
  active = false;
  document.dispatchEvent(new CustomEvent("console:connection", { detail: { up: false } }));
}

function up() {
  wait = FIRST_WAIT;
  showOpened();
  refreshList(); // what moved in the lists since they were drawn
  phoneChanged();
  document.dispatchEvent(new CustomEvent("console:connection", { detail: { up: true } }));
}

/** Tell the server which conversation stands in the page, and up to which revision we have it. */
function showOpened() {
  const here = conversation();
  const uuid = here?.dataset.uuid ?? "";
  if (opened && opened !== uuid) say({ type: "close", conversation: opened });
  opened = uuid;
  active = false;
  if (!uuid) return;
  say({ type: "open", conversation: uuid, revision: revision() });
  attend();
}

/** The holder's active intervals: the page is in front, and has the focus. */
function attend() {
  const now = Boolean(opened) && !document.hidden && document.hasFocus();
  if (now === active || !opened) return;
  active = now;
  say({ type: "active", conversation: opened, active });
}

const isOpen = (uuid) => conversation()?.dataset.uuid === uuid;

function take(said) {
  switch (said.type) {
    case "hello":
      up();
      break;
    case "entries":
      if (isOpen(said.conversation)) {
        applyEntries(said.entries);
        followRoutes(said.entries);
      }
      break;
    case "head":
      if (isOpen(said.conversation)) takeHead(said);
      break;
    case "row":
      applyRow(said.html);
      break;
    case "gone":
      leave(said.conversation);
      if (!said.lists_only && isOpen(said.conversation)) location.assign(frame().dataset.root);
      break;
    case "reload":
      if (isOpen(said.conversation)) catchUp().catch(failed);
      break;
    case "refresh":
      refreshList();
      phoneChanged();
      break;
    case "phone":
      phoneChanged();
      break;
    case "offers":
      applyOffers(said.offers);
      break;
    case "counts":
      takeCounts(said.counts);
      break;
    case "typing": {
      const who = said.name || document.getElementById("head")?.dataset.who;
      showTyping({ uuid: said.conversation, who });
      break;
    }
    case "presence":
      takePresence(said.people);
      break;
    case "locked":
    case "unlocked":
      document.dispatchEvent(new CustomEvent("hub:check-session"));
      if (said.type === "unlocked") showOpened();
      break;
    default: // of a newer server: the next page load will know it
  }
}

function phoneChanged() {
  document.dispatchEvent(new CustomEvent("console:phone"));
}

function takeHead({ html, level }) {
  const here = conversation();
  applyHead(html);
  // What one may do here changed with the department or the holder: the page differs in many places.
  if (level && level !== here.dataset.level) location.reload();
  else refreshPanel();
}

function takeCounts(counts) {
  for (const [name, count] of Object.entries(counts))
    for (const place of document.querySelectorAll(`#counts [data-count="${name}"]`))
      place.textContent = count;
  applyUnread(counts.mine_unread);
}

function takePresence(people) {
  const mine = people[me()];
  const dot = document.getElementById("my-presence");
  if (!mine || !dot) return;
  if (mine === "busy" && dot.dataset.presence === "available" && justMissed())
    toast(words("setBusy"), { isError: true });
  dot.dataset.presence = mine;
}

function failed(error) {
  toast(error.message, { isError: true });
}

document.addEventListener("console:opened", showOpened);
document.addEventListener("console:closed", showOpened);
document.addEventListener("console:read", ({ detail }) => {
  if (detail.uuid === opened) say({ type: "read", conversation: detail.uuid, number: detail.number });
});
document.addEventListener("console:typing", ({ detail }) => {
  if (detail.uuid !== opened || Date.now() - typedAt < TYPING_EVERY) return;
  typedAt = Date.now();
  say({ type: "typing", conversation: detail.uuid });
});
document.addEventListener("visibilitychange", attend);
window.addEventListener("focus", attend);
window.addEventListener("blur", attend);
window.addEventListener("online", () => {
  wait = FIRST_WAIT;
  if (!isUp() && socket?.readyState !== WebSocket.CONNECTING) connect();
});
// A page that comes back from the browser's cache has a socket that is closed.
window.addEventListener("pageshow", ({ persisted }) => persisted && !isUp() && connect());
document.addEventListener("hub:unlocked", () => !isUp() && connect());

connect();
