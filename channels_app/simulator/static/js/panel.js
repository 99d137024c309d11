/** The panel: scenes, the network's knobs, the webhook log. */

import { ask } from "./api.js";
import { showTwiml } from "./twiml.js";
import { copyTemplate, showSeconds } from "./words.js";

const WEBHOOKS_SHOWN = 10;
const SEND_AFTER_MS = 150;

/** What the sliders show; a knob that the page does not show stays as the tests or the API set it. */
const KNOBS = [
  { name: "delay_ms", label: "Delay", highest: 3000, step: 50, unit: "ms" },
  { name: "duplicate_p", label: "Duplicates" },
  { name: "reorder_p", label: "Out of order" },
  { name: "drop_p", label: "Lost callbacks" },
  { name: "undelivered_p", label: "Undelivered texts" },
  { name: "rest_5xx_p", label: "Provider errors" },
  { name: "rest_429_p", label: "Provider too busy" },
  { name: "ambiguous_p", label: "Line cut after sending" },
];

export class Scenes {
  constructor(list, speed) {
    this.list = list;
    this.speed = speed;
    this.shown = new Map();
  }

  show(scene) {
    const entry = this.shown.get(scene.name) ?? this.#add(scene);
    entry.part("play-word").textContent = scene.playing ? "Again" : "Play";
    entry.part("stop").hidden = !scene.playing;
    entry.part("play").hidden = scene.playing;
    const progress = entry.part("progress");
    progress.hidden = !scene.playing;
    progress.max = scene.lines;
    progress.value = scene.played;
  }

  #add(scene) {
    const entry = copyTemplate("scene-template");
    entry.part("title").textContent = scene.title;
    entry.part("summary").textContent = scene.summary;
    entry.part("play-what").textContent = ` ${scene.title}`;
    entry.part("stop-what").textContent = ` ${scene.title}`;
    entry.part("play").classList.toggle("primary", this.shown.size === 0);
    entry.part("progress").setAttribute("aria-label", `${scene.title}: how far it is`);
    entry.part("play").addEventListener("click", async () => {
      await ask("POST", `/scenes/${scene.name}/play`, { speed: Number(this.speed.value) });
      entry.part("stop").focus();
    });
    entry.part("stop").addEventListener("click", async () => {
      await ask("POST", `/scenes/${scene.name}/stop`, {});
      entry.part("play").focus();
    });
    this.shown.set(scene.name, entry);
    this.list.append(entry.element);
    return entry;
  }
}

export class Knobs {
  constructor(box, calm) {
    this.sliders = new Map();
    this.waiting = {};
    for (const knob of KNOBS) box.append(this.#make(knob));
    calm.addEventListener("click", async () => {
      const nothing = Object.fromEntries(KNOBS.map(({ name }) => [name, 0]));
      this.show(await ask("POST", "/chaos", nothing));
    });
  }

  show(knobs) {
    for (const [name, { input, refresh }] of this.sliders) {
      // A slider that somebody holds is not moved under their hand.
      if (name in this.waiting) continue;
      input.value = knobs[name] * input.dataset.scale;
      refresh();
    }
  }

  #make({ name, label, highest = 100, step = 1, unit = "%" }) {
    const { element, part } = copyTemplate("knob-template");
    const input = part("range");
    const id = `knob-${name}`;
    Object.assign(input, { id, min: 0, max: highest, step, value: 0 });
    input.dataset.scale = unit === "%" ? 100 : 1;
    part("label").htmlFor = id;
    part("label").textContent = label;
    const refresh = () => {
      const text = `${Math.round(input.value)} ${unit}`;
      part("value").textContent = text;
      input.setAttribute("aria-valuetext", text);
      input.style.setProperty("--filled", `${(100 * input.value) / highest}%`);
      element.classList.toggle("on", input.value > 0);
    };
    input.addEventListener("input", () => {
      refresh();
      this.#sendSoon(name, input.value / input.dataset.scale);
    });
    refresh();
    this.sliders.set(name, { input, refresh });
    return element;
  }

  #sendSoon(name, value) {
    this.waiting[name] = value;
    clearTimeout(this.timer);
    this.timer = setTimeout(async () => {
      const changes = this.waiting;
      this.waiting = {};
      await ask("POST", "/chaos", changes);
    }, SEND_AFTER_MS);
  }
}

export class WebhookLog {
  constructor(table, nothing) {
    this.table = table;
    this.nothing = nothing;
    this.rows = new Map();
  }

  show(webhook) {
    // What is under way still may not overwrite its own end, which overtook it.
    if (!webhook.outcome && this.rows.has(webhook.number)) return;
    const group = this.rows.get(webhook.number) ?? this.#newGroup();
    this.rows.set(webhook.number, group);
    const row = document.createElement("tr");
    row.append(
      cell(showSeconds(webhook.at)),
      labelCell(webhook, group),
      answerCell(webhook),
      cell(webhook.status ? `${webhook.milliseconds} ms` : ""),
    );
    group.replaceChildren(row);
    while (this.table.tBodies.length > WEBHOOKS_SHOWN) this.table.tBodies[WEBHOOKS_SHOWN].remove();
    this.table.hidden = false;
    this.nothing.hidden = true;
  }

  clear() {
    for (const group of [...this.table.tBodies]) group.remove();
    this.rows.clear();
    this.table.hidden = true;
    this.nothing.hidden = false;
  }

  /** One body of the table for each webhook: its row, and what it opens. */
  #newGroup() {
    const group = document.createElement("tbody");
    this.table.tHead.after(group);
    return group;
  }
}

function cell(text) {
  const element = document.createElement("td");
  element.textContent = text;
  return element;
}

/** What was told or asked; where the hub answered with TwiML, a button that opens the answer. */
function labelCell({ label, kind, answer, outcome, status }, group) {
  const twiml = kind === "question" && answer ? showTwiml(answer) : null;
  // Warnings have no answer; what they say is long, and stands below their name.
  if (!status && kind === "warning") return cell(`${label}: ${outcome}`);
  if (!twiml) return cell(label);
  const element = cell("");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "webhook-open";
  button.textContent = label;
  button.setAttribute("aria-expanded", "false");
  const details = document.createElement("tr");
  details.className = "webhook-answer";
  details.hidden = true;
  const wide = document.createElement("td");
  wide.colSpan = 4;
  wide.append(twiml);
  details.append(wide);
  button.addEventListener("click", () => {
    group.append(details);
    details.hidden = !details.hidden;
    button.setAttribute("aria-expanded", String(!details.hidden));
  });
  element.append(button);
  return element;
}

function answerCell({ kind, status, outcome }) {
  const element = cell(kind === "warning" ? "" : (status ?? outcome));
  element.className = status && status < 400 ? "good" : "bad";
  return element;
}
