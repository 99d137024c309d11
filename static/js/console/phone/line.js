// The telephone's own line, in the tab that is the telephone: registered with the provider, it takes
// the call that the hub rings, and keeps what the bar needs to know of it.

import { frame, post, Refused, words } from "../dom.js";
import { toast } from "../toast.js";
import { makeDevice } from "./device.js";

const TRY_AGAIN = 15_000;

/**
 * How the line stands, for this tab and the others.
 *   status   connecting, ready, blocked (the browser gives no microphone), absent (no keys are set)
 *   call     "" (none), "ringing", "taking" (accepted, not yet connected), "live"
 */
export const line = { status: "connecting", call: "", muted: false, hasWords: false };

let device = null;
let call = null;
let retry = 0;
let tellChanged = () => {};
let tellHeard = () => {};
let tellReady = () => {};

const root = () => `${frame().dataset.root}phone/`;

/** Begin: `changed()` after each change of `line`, `heard(what)` for words, `ready()` when it can ring. */
export function startLine({ changed, heard, ready }) {
  tellChanged = changed;
  tellHeard = heard;
  tellReady = ready;
  open();
  document.addEventListener("hub:unlocked", () => device || open());
}

function change(values) {
  Object.assign(line, values);
  tellChanged();
}

async function open() {
  clearTimeout(retry);
  try {
    const token = await post(`${root()}token`);
    if (token === null) {
      change({ status: "absent" });
      return;
    }
    line.hasWords = token.transport === "simulator";
    if (!line.hasWords && (await isBlocked())) change({ status: "blocked" });
    const { library, silence } = document.getElementById("phone-top").dataset;
    device = await makeDevice(token, { library, silence });
    bind(device);
    await device.register();
  } catch (error) {
    // Twilio's library rejects too, besides its event; a locked screen comes back by its own event.
    if (!(error instanceof Refused && error.code === "Locked")) retry = setTimeout(again, TRY_AGAIN);
  }
}

function again() {
  device?.destroy();
  device = null;
  open();
}

async function isBlocked() {
  try {
    return (await navigator.permissions.query({ name: "microphone" })).state === "denied";
  } catch {
    return false; // a browser that cannot say asks when the first call is taken
  }
}

function bind(made) {
  made.on("registered", () => {
    if (line.status !== "blocked") change({ status: "ready" });
    tellReady();
  });
  made.on("unregistered", () => change({ status: "connecting" }));
  made.on("tokenWillExpire", renew);
  made.on("error", ({ code }) => {
    if (NO_MICROPHONE.has(code)) complain();
  });
  made.on("incoming", take);
}

// Twilio's numbers for a microphone that was not given: refused, or none there.
const NO_MICROPHONE = new Set([31401, 31402]);

function complain() {
  change({ status: "blocked" });
  toast(words("phoneNoMicrophone"), { isError: true });
}

async function renew() {
  try {
    const token = await post(`${root()}token`);
    if (token) device?.updateToken(token.token);
  } catch {
    retry = setTimeout(renew, TRY_AGAIN); // locked, or offline: the call goes on meanwhile
  }
}

function take(incoming) {
  if (call) {
    incoming.reject(); // the hub rings nobody twice; this is a line that it gave up
    return;
  }
  call = incoming;
  const over = () => {
    if (call !== incoming) return;
    call = null;
    change({ call: "", muted: false });
  };
  incoming.on("accept", () => {
    if (call !== incoming) return;
    if (line.status === "blocked") line.status = "ready";
    change({ call: "live", muted: false });
  });
  for (const end of ["cancel", "disconnect", "reject"]) incoming.on(end, over);
  incoming.on("error", ({ code } = {}) => NO_MICROPHONE.has(code) && complain());
  incoming.on("heard", ({ who, text }) => tellHeard({ who, text }));
  incoming.on("music", (on) => tellHeard({ music: on }));
  change({ call: "ringing" });
}

/** Do what somebody ordered, here or in another tab. */
export function act({ what, value }) {
  if (!call) return;
  if (what === "accept" && line.call === "ringing") {
    call.accept();
    change({ call: "taking" });
  } else if (what === "reject" && line.call === "ringing") call.reject();
  else if (line.call !== "live") return;
  else if (what === "mute") {
    call.mute(value);
    change({ muted: value });
  } else if (what === "digits") call.sendDigits(value);
  else if (what === "speak") call.speak?.(value);
}
