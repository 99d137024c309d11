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

/** Look whether new lines change by which ways the patient is reached. */
export function followRoutes(entries) {
  const channel = document.getElementById("route")?.selectedOptions[0]?.dataset.channel;
  const elsewhere = ({ html }) =>
    html.includes('data-author-kind="patient"') && !html.includes(`data-channel="${channel}"`);
  if (entries.some((one) => TELLS.test(one.html) || elsewhere(one))) refresh();
}
