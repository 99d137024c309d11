// What is done to a conversation as a whole: at once, said in the corner, with the way back.

import { conversation, post } from "./dom.js";
import { confirm } from "./confirm.js";
import { applyHead } from "./head.js";
import { refreshPanel, refreshWho } from "./open.js";
import { applyRow, leave } from "./rows.js";
import { applyEntries, revision } from "./timeline.js";
import { toast } from "./toast.js";

/** Do `name` (the last part of its address) with `fields`; returns whether it was done. */
export async function deed(name, fields = {}) {
  const { path } = conversation().dataset;
  try {
    taken(path, await post(`${path}${name}`, { ...fields, revision: revision() }));
    return true;
  } catch (error) {
    toast(error.message, { isError: true });
    return false;
  }
}

/** Take in the answer to a deed in the conversation at `path`. */
export function taken(path, answer) {
  if (answer.toast) {
    const { undo } = answer;
    toast(answer.toast, { undo: undo && (() => takeBack(path, undo)) });
  }
  const here = conversation();
  if (answer.gone) leave(path.split("/").at(-2));
  else applyRow(answer.row);
  if (!here || here.dataset.path !== path || !answer.head) return;
  applyHead(answer.head);
  applyEntries(answer.entries);
}

async function takeBack(path, { do: name, ...fields }) {
  try {
    const values = Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, value ?? ""]));
    taken(path, await post(`${path}${name}`, { ...values, revision: conversation()?.dataset.path === path ? revision() : "" }));
  } catch (error) {
    toast(error.message, { isError: true });
  }
}

/** After something of the patient changed: the pane, and the banner above the thread. */
export function patientChanged() {
  refreshPanel();
  refreshWho().catch((error) => toast(error.message, { isError: true }));
}

export function startDeeds() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-do]");
    if (!button || button.disabled) return;
    if (button.dataset.ask && !(await confirm(button.dataset.ask))) return;
    button.disabled = true;
    const fields = Object.fromEntries(new URLSearchParams(button.dataset.query ?? ""));
    const done = await deed(button.dataset.do, fields);
    button.disabled = false;
    if (done && button.closest("#patient")) patientChanged();
  });
}
