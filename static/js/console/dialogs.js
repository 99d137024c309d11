// Dialogs: fetched from the server, answered by it, and closed again with the focus where it was.

import { conversation, get, post } from "./dom.js";
import { patientChanged, taken } from "./deeds.js";
import { startPicks } from "./picks.js";
import { toggleSelecting } from "./rows.js";
import { revision } from "./timeline.js";
import { toast } from "./toast.js";

const dialog = () => document.getElementById("dialog");
const OF_PATIENT = new Set([
  "identify", "create-patient", "forget", "profile", "birth-date", "consent", "contact-point", "related",
]);

/** Open the dialog `name` of the conversation that stands in the page. */
export async function openDialog(name, query = "") {
  const here = conversation();
  if (!here || dialog().open) return;
  await show(`${here.dataset.path}${name}${query ? `?${query}` : ""}`);
}

async function show(path) {
  try {
    dialog().innerHTML = await get(path);
  } catch (error) {
    toast(error.message, { isError: true });
    return;
  }
  window.htmx.process(dialog());
  if (!dialog().open) dialog().showModal();
  (dialog().querySelector("[autofocus]") ?? dialog().querySelector("input, button"))?.focus();
}

async function submit(form, submitter) {
  const error = form.querySelector("[data-error]");
  if (error) error.hidden = true;
  const data = new FormData(form, submitter ?? undefined);
  if (submitter?.hasAttribute("data-other")) data.set("until", form.querySelector("[data-until]").value);
  data.append("revision", revision());
  const path = conversation()?.dataset.path;
  try {
    if (form.dataset.action === "reassign") {
      await reassign(form, data);
      return;
    }
    const answer = await post(form.getAttribute("action"), data);
    dialog().close();
    taken(path, answer);
    if (OF_PATIENT.has(form.dataset.action)) patientChanged();
  } catch (failure) {
    if (error) {
      error.textContent = failure.message;
      error.hidden = false;
    } else toast(failure.message, { isError: true });
  }
}

/** A mass reassignment answers with what it did, and what it left alone. */
async function reassign(form, data) {
  const response = await fetch(form.getAttribute("action"), {
    method: "POST",
    body: data,
    headers: { "HX-Request": "true" },
  });
  if (!response.ok) {
    const body = await response.json();
    throw new Error(body.error);
  }
  dialog().innerHTML = await response.text();
  dialog().querySelector("[autofocus]")?.focus();
  toggleSelecting(false);
  document.dispatchEvent(new CustomEvent("console:refresh-list"));
}

export function startDialogs() {
  startPicks(dialog());
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-dialog]");
    if (opener) openDialog(opener.dataset.dialog, opener.dataset.query);
    if (event.target.closest("[data-close]") || event.target === dialog()) dialog().close();
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.id === "reassign") {
      event.preventDefault();
      const query = new URLSearchParams(new FormData(form));
      show(`${form.getAttribute("action")}?${query}`);
    } else if (form.dataset.action && (dialog().contains(form) || form.closest("#who"))) {
      event.preventDefault();
      submit(form, event.submitter);
    }
  });
  dialog().addEventListener("close", () => dialog().replaceChildren());
}
