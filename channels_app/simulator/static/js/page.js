/** The desk: draws the state, then follows the live events. */

import { ask, listen } from "./api.js";
import { isOnItsWay, phaseInWords } from "./call.js";
import { Knobs, Scenes, WebhookLog } from "./panel.js";
import { Phone } from "./phone.js";
import { copyTemplate, showNumber } from "./words.js";

const byId = (id) => document.getElementById(id);
const scenes = new Scenes(byId("scenes"), byId("speed"));
const knobs = new Knobs(byId("knobs"), byId("calm"));
const log = new WebhookLog(byId("webhooks"), byId("no-webhooks"));
/** Phones on the desk, and all phones as the simulator describes them, by number. */
const desk = new Map();
const known = new Map();
/** Calls that go on, by the number of their phone. */
const calls = new Map();
let numbers = [];

async function drawEverything() {
  const state = await ask("GET", "/state");
  numbers = state.numbers;
  for (const scene of state.scenes) scenes.show(scene);
  knobs.show(state.knobs);
  for (const webhook of state.webhooks) log.show(webhook);
  for (const phone of state.phones) keep(phone);
  const going = new Set(state.calls.map(({ sid }) => sid));
  for (const [number, { sid }] of calls) if (!going.has(sid)) calls.delete(number);
  for (const call of state.calls) if (!call.phone.startsWith("client:")) keepCall(call);
  drawOthers();
  await Promise.all([...desk.values()].map((phone) => phone.load()));
}

/** Remember a phone, and lay it on the desk or put it away. */
function keep(shown) {
  known.set(shown.e164, shown);
  const phone = desk.get(shown.e164);
  if (shown.on_desk && !phone) {
    const laid = new Phone(shown, numbers);
    desk.set(shown.e164, laid);
    byId("phones").append(laid.element);
    return laid;
  }
  if (!shown.on_desk && phone) {
    phone.remove();
    desk.delete(shown.e164);
  }
  return null;
}

function drawOthers() {
  const others = [...known.values()].filter((phone) => !phone.on_desk);
  const focused = document.activeElement?.closest?.(".other")?.dataset.phone;
  byId("others").replaceChildren(...others.map(drawOther));
  byId("others-section").hidden = !others.length;
  if (focused) byId("others").querySelector(`[data-phone="${focused}"]`)?.focus();
}

function drawOther(shown) {
  const { element, part } = copyTemplate("other-template");
  const button = element.querySelector("button");
  button.dataset.phone = shown.e164;
  part("name").textContent = shown.label || showNumber(shown.e164);
  const call = calls.get(shown.e164);
  part("last").textContent = call ? phaseInWords(call) : (shown.last?.body ?? "");
  button.classList.toggle("in-call", Boolean(call));
  button.classList.toggle("ringing", call?.phase === "ringing");
  button.addEventListener("click", () => layOnDesk({ number: shown.e164 }));
  return element;
}

async function layOnDesk(fields) {
  const shown = await ask("POST", "/phones", fields);
  const laid = keep(shown);
  drawOthers();
  if (laid) await laid.load();
  const phone = desk.get(shown.e164);
  phone.element.scrollIntoView({ block: "nearest", behavior: "smooth" });
  if (calls.has(shown.e164)) phone.screen.element.focus({ preventScroll: true });
  else phone.part("text").focus({ preventScroll: true });
}

function followMessage(message) {
  const shown = known.get(message.phone);
  if (message.on_screen) {
    known.set(message.phone, {
      ...(shown ?? { e164: message.phone, label: "", on_desk: false }),
      last: message,
    });
  }
  const phone = desk.get(message.phone);
  if (phone) phone.show(message);
  else drawOthers();
}

/** Calls of phones are shown; those of agents' devices are the hub's own business. */
function followCall(call) {
  if (call.phone.startsWith("client:")) return;
  keepCall(call);
  if (!known.has(call.phone)) known.set(call.phone, { e164: call.phone, label: "", on_desk: false });
  const phone = desk.get(call.phone);
  if (phone) phone.followCall(call);
  else drawOthers();
}

function keepCall(call) {
  if (isOnItsWay(call)) return;
  const before = calls.get(call.phone);
  // One more call finds the line busy.
  if (before && before.sid !== call.sid) return;
  if (call.phase !== "ended") calls.set(call.phone, call);
  else calls.delete(call.phone);
  if (call.phase === "ringing" && !before) announceCall(call);
}

/** Said by screen readers wherever the reader is, as the bell is heard by others. */
function announceCall({ phone }) {
  byId("news").textContent = `${known.get(phone)?.label || showNumber(phone)}: incoming call`;
}

function startAfresh() {
  for (const phone of desk.values()) phone.remove();
  desk.clear();
  known.clear();
  calls.clear();
  log.clear();
  drawEverything();
}

async function followPhone(shown) {
  const laid = keep(shown);
  drawOthers();
  if (laid) await laid.load();
}

const followers = {
  message: ({ message }) => followMessage(message),
  webhook: ({ webhook }) => log.show(webhook),
  scene: ({ scene }) => {
    scenes.show(scene);
    if (scene.playing && scene.played === 0) drawEverything();
  },
  knobs: (event) => knobs.show(event.knobs),
  phone: ({ phone }) => followPhone(phone),
  call: ({ call }) => followCall(call),
  heard: ({ phone, sid, line }) => desk.get(phone)?.screen.hear(sid, line),
  line: ({ phone, line }) => desk.get(phone)?.showLine(line),
  reset: startAfresh,
};

byId("new-phone").addEventListener("submit", async (event) => {
  event.preventDefault();
  const problem = byId("new-phone-problem");
  problem.textContent = "";
  try {
    await layOnDesk({ number: byId("new-number").value });
    event.target.reset();
  } catch (error) {
    problem.textContent = error.message;
  }
});

listen({
  onOpen: () => {
    byId("connection").textContent = "";
    drawEverything();
  },
  onEvent: (event) => followers[event.kind]?.(event),
  onLost: () => {
    byId("connection").textContent = "Reconnecting…";
  },
});
