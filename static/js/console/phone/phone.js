// The softphone. Of a person's tabs one is the telephone (tabs.js): it is registered with the provider,
// rings and carries the sound (line.js). All tabs show the same bar (bar.js), which the server draws
// from what the hub knows; what they do to a call they ask of the hub, except for what only the
// telephone can do: accept, reject, mute, press keys, and in the demo speak.
//
// From the page: console:phone (something changed), console:connection {up}, hub:unlocked.

import { confirm } from "../confirm.js";
import { frame, post, words } from "../dom.js";
import { open } from "../open.js";
import { toast } from "../toast.js";
import { bar, paint, refreshBar, startBar, state } from "./bar.js";
import { closeStale, openKeypad, startPhoneDialogs, steer } from "./dialogs.js";
import { hear, hearAll, heardSoFar, showHeard, startHeard } from "./heard.js";
import { act, line, startLine } from "./line.js";
import { isSilent, ring, setSilent, startRing, stopRing } from "./ring.js";
import { canAgree, isLeader, order, startTabs, tellTabs } from "./tabs.js";

let known = line; // how the telephone stands: our own line, or what its tab told
let shownFor = ""; // the call whose conversation was opened here

/** After each change of the telephone, in its own tab and, told by it, in the others. */
function stands(news) {
  known = news;
  paint(known);
  showHeard(known.hasWords && known.call === "live");
  ringIfDue();
}

function changed() {
  stands({ ...line });
  tellTabs({ what: "line", line: known });
  if (line.call === "ringing") refreshBar();
}

/** Only the telephone sounds, so that a second tab does not ring twice. */
function ringIfDue() {
  const rings = isLeader() && line.call === "ringing" && state().stage === "ringing" && !state().answersItself;
  if (rings) ring();
  else stopRing();
}

/** The bar was drawn anew: what follows from it. */
function drawn() {
  // A call that we asked for, or lost by a reload, is taken without asking.
  if (isLeader() && line.call === "ringing" && state().stage === "ringing" && state().answersItself)
    act({ what: "accept" });
  ringIfDue();
  closeStale();
  showPatient();
}

/** Whoever answers sees the patient: the conversation opens in the telephone's tab. */
function showPatient() {
  const { stage, call, path, opens } = state();
  if (!isLeader() || !opens || shownFor === call) return;
  if (stage !== "talking" && stage !== "dialling") return;
  shownFor = call;
  if (document.getElementById("conversation") && location.pathname !== path) open(path, { focus: false });
}

async function ready() {
  try {
    await post(`${frame().dataset.root}phone/ready`);
  } catch (error) {
    if (error.code !== "Locked") toast(error.message, { isError: true });
  }
  refreshBar();
}

function obey(what) {
  if (what.what !== "hello") {
    act(what);
    return;
  }
  tellTabs({ what: "line", line: { ...line } });
  tellTabs({ what: "heard", all: heardSoFar() });
}

function learn(news) {
  if (news.what === "line") {
    stands(news.line);
    if (news.line.call === "ringing") refreshBar();
  } else if (news.what === "heard") news.all ? hearAll(news.all) : hear(news.heard);
}

// --- The buttons --------------------------------------------------------------------------------

const DO = {
  accept: () => order({ what: "accept" }),
  reject: () => order({ what: "reject" }),
  mute: () => order({ what: "mute", value: !known.muted }),
  keypad: openKeypad,
  hold: (button) => steer("hold", { on: button.getAttribute("aria-pressed") === "true" ? "" : "on" }),
  pause: (button) => steer("recording", { wish: button.dataset.wish }),
  refuse: async () => (await confirm(words("phoneRefuse"))) && steer("recording", { wish: "refuse" }),
  complete: () => steer("hand-over/complete"),
  "give-up": () => steer("hand-over/give-up"),
  remove: (button) => steer("remove", { party: button.dataset.party }),
  "hang-up": () => steer("hang-up"),
  mode: (button) => steer("supervise", { mode: button.dataset.mode }),
  leave: () => steer("leave"),
};

async function press(event) {
  const button = event.target.closest("[data-phone]");
  const work = button && DO[button.dataset.phone];
  if (!work || button.disabled) return;
  button.closest("details")?.removeAttribute("open");
  await work(button);
}

/** The notes after a call: saved, and then free for the next one. */
async function wrapUp(event) {
  const form = event.target.closest("#wrap-up");
  if (!form) return;
  event.preventDefault();
  const error = form.querySelector("[data-error]");
  const button = form.querySelector("[type=submit]");
  error.hidden = true;
  button.disabled = true;
  try {
    await post(form.getAttribute("action"), new FormData(form));
  } catch (failure) {
    error.textContent = failure.message;
    error.hidden = false;
    button.disabled = false;
    return;
  }
  refreshBar();
}

/** While we speak, a link that would leave the page, and with it the line, opens beside it. */
function stay(event) {
  const link = event.target.closest("a[href]");
  if (!link || event.defaultPrevented || !isLeader() || known.call !== "live") return;
  const there = new URL(link.href, location.href);
  if (there.origin !== location.origin || link.hasAttribute("download") || there.hash) return;
  link.target = "_blank";
  setTimeout(() => link.removeAttribute("target"));
}

function startMenu() {
  const box = document.getElementById("ring-on");
  if (!box) return;
  box.checked = !isSilent();
  box.addEventListener("change", () => setSilent(!box.checked));
  const ask = document.getElementById("ring-notify");
  const offer = () => {
    ask.hidden = !("Notification" in window) || Notification.permission !== "default";
  };
  ask.addEventListener("click", () => Notification.requestPermission().then(offer));
  offer();
}

/** Start the phone, where the server says that there is one. */
export function startPhone() {
  if (!bar()) return;
  if (!canAgree()) {
    stands({ ...line, status: "absent" });
    return;
  }
  startRing();
  startMenu();
  startPhoneDialogs();
  startHeard({ speak: (value) => order({ what: "speak", value }) });
  startBar({ drawn });
  startTabs({
    lead: () =>
      startLine({
        changed,
        ready,
        heard: (what) => {
          hear(what);
          tellTabs({ what: "heard", heard: what });
        },
      }),
    obey,
    learn,
  });
  document.addEventListener("click", press);
  document.addEventListener("click", stay);
  document.addEventListener("submit", wrapUp);
  for (const news of ["console:phone", "hub:unlocked"]) document.addEventListener(news, () => refreshBar());
  refreshBar();
}
