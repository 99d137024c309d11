// In the demo the line carries words instead of sound: what is heard is shown, what is said is typed.

import { parse, words } from "../dom.js";

const KEPT = 40;
const strip = () => document.getElementById("heard");
let lines = [];

/** `speak(text)` gets what the person says. */
export function startHeard({ speak }) {
  strip()?.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    const field = event.target.querySelector("input");
    const text = field.value.trim();
    if (!text) return;
    speak(text);
    hear({ who: words("you"), text, mine: true });
    field.value = "";
  });
}

/** Show the strip while the line is live. */
export function showHeard(isLive) {
  if (!strip() || strip().hidden === !isLive) return;
  strip().hidden = !isLive;
  if (!isLive) {
    lines = [];
    draw();
  }
}

/** What was heard so far, for a tab that was just opened. */
export const heardSoFar = () => lines;

export function hearAll(all) {
  lines = all;
  draw();
}

export function hear(what) {
  if (!strip()) return;
  lines = [...lines, what].slice(-KEPT);
  draw();
}

function draw() {
  const place = strip()?.querySelector("[role=log]");
  if (!place) return;
  place.replaceChildren(...lines.map(lineOf));
  place.scrollTop = place.scrollHeight;
}

function lineOf({ who, text, music, mine }) {
  const [line] = parse("<p><b></b> <span dir=auto></span></p>").children;
  const [name, said] = line.children;
  if (music === undefined) {
    name.textContent = who;
    said.textContent = text;
  } else said.textContent = words(music ? "phoneMusic" : "phoneMusicOver");
  line.className = music === undefined ? (mine ? "is-mine" : "") : "is-music";
  return line;
}
