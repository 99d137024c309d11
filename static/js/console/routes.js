// The ways to the patient in the composer, drawn anew when a line of the timeline tells of a change: a
// channel opened or ended, a STOP, or simply that the patient now writes another way.

import { conversation, debounced, get } from "./dom.js";
import { replaceRoutes } from "./composer.js";
import { toast } from "./toast.js";

const TELLS = /data-kind="(?:leg|link|consent|status)"/;

const refresh = debounced(async () => {
  const here = conversation();
  if (!here || here.dataset.level !== "own") return;
  try {
    const html = await get(`${here.dataset.path}routes`);
    if (conversation() === here) replaceRoutes(html);
  } catch (error) {
    toast(error.message, { isError: true });
  }
}, 60);

document.addEventListener("console:routes", refresh);

/** Look whether new lines change by which ways the patient is reached. */
export function followRoutes(entries) {
  const chosen = document.getElementById("route")?.selectedOptions[0]?.dataset ?? {};
  // On another way, or on one that was too long silent for free words.
  const elsewhere = ({ html }) =>
    html.includes('data-author-kind="patient"') &&
    (chosen.window === "closed" || !html.includes(`data-channel="${chosen.channel}"`));
  if (entries.some((one) => TELLS.test(one.html) || elsewhere(one))) refresh();
}
