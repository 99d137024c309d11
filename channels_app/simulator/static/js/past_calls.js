/** The calls of a phone that are over, as lines among its texts; each opens its transcript. */

import { ask } from "./api.js";
import { clinicsNumber, isIncoming } from "./call.js";
import { Transcript } from "./transcript.js";
import { copyTemplate, showLength, showNumber, showTime } from "./words.js";

export function makePastCall(call) {
  const { element, part } = copyTemplate("past-call-template");
  element.dataset.call = call.sid;
  element.classList.toggle("missed", isMissed(call));
  part("icon").append(document.getElementById(`${iconOf(call)}-icon`).content.cloneNode(true));
  part("words").textContent = `${inWords(call)} · ${showNumber(clinicsNumber(call))}`;
  part("time").textContent = showTime(call.at);
  part("time").dateTime = call.at;
  const transcript = new Transcript(part("transcript"));
  element.addEventListener("toggle", async () => {
    if (!element.open) return;
    const { heard } = await ask("GET", `/phones/${call.phone}/call?sid=${call.sid}`);
    for (const line of heard) transcript.show(line);
    if (!heard.length) part("transcript").textContent = "Nothing was heard.";
  });
  return element;
}

const isMissed = (call) => isIncoming(call) && ["no-answer", "canceled"].includes(call.status);

function iconOf(call) {
  if (call.status !== "completed") return "phone-x";
  return isIncoming(call) ? "phone-incoming" : "phone-outgoing";
}

function inWords(call) {
  const length = showLength(call.seconds);
  if (isIncoming(call)) {
    if (isMissed(call)) return "Missed call";
    if (call.status === "busy") return "Declined call";
    if (call.status === "failed") return "Call that did not reach this phone";
    const machine = call.answered_by?.startsWith("machine") ? ", a machine answered" : "";
    return `The clinic called, ${length}${machine}`;
  }
  const words = { busy: "You called, busy", "no-answer": "You called, no answer", failed: "You called, failed" };
  return words[call.status] ?? `You called, ${length}`;
}
