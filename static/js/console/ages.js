// Keeps relative times true while a page stands open ("4m", and in words in the head).

import { words } from "./dom.js";

const MINUTE = 60_000;

/** As hub/console/templatetags/console.py, age. */
export function age(since, now = Date.now()) {
  const minutes = Math.floor((now - since) / MINUTE);
  if (minutes < 1) return words("now");
  if (minutes < 60) return `${minutes}${words("minutes")}`;
  if (minutes < 60 * 24) return `${Math.floor(minutes / 60)}${words("hours")}`;
  return `${Math.floor(minutes / 60 / 24)}${words("days")}`;
}

function inWords(since, now) {
  const minutes = Math.max(0, Math.floor((now - since) / MINUTE));
  if (minutes < 1) return words("moment");
  const [n, one, many] =
    minutes < 60
      ? [minutes, "oneMinute", "minuteWords"]
      : minutes < 60 * 24
        ? [Math.floor(minutes / 60), "oneHour", "hourWords"]
        : [Math.floor(minutes / 60 / 24), "oneDay", "dayWords"];
  return n === 1 ? words(one) : words(many, { n });
}

export function refreshAges(root = document) {
  const now = Date.now();
  for (const element of root.querySelectorAll("time[data-age]")) {
    const since = Date.parse(element.dateTime);
    if (Number.isNaN(since) || (element.dataset.age !== "words" && now - since > 364 * 864e5)) continue;
    const text = element.dataset.age === "words" ? inWords(since, now) : age(since, now);
    if (element.textContent !== text) element.textContent = text;
  }
}

setInterval(refreshAges, 15_000);
document.addEventListener("visibilitychange", () => document.hidden || refreshAges());
