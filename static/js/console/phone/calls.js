// The supervisor's page of live calls: drawn anew every few seconds while somebody looks at it.

import { get, frame, post } from "../dom.js";
import { toast } from "../toast.js";
import { seconds } from "./seconds.js";

const EVERY = 4000;
const page = () => document.getElementById("calls");
let behind = 0;
let isLoading = false;

async function refresh() {
  if (document.hidden || isLoading) return;
  isLoading = true;
  try {
    const html = await get(page().dataset.path);
    window.Idiomorph.morph(document.getElementById("running"), html, { morphStyle: "innerHTML" });
    count();
  } catch {
    // The bar above says that the line is down, or the lock screen that it is locked; the next one tries again.
  } finally {
    isLoading = false;
  }
}

function count() {
  const table = page().querySelector("table");
  if (!table) return;
  behind = Date.parse(table.dataset.now) - Date.now();
  tick();
}

function tick() {
  for (const time of page().querySelectorAll("time[data-since]"))
    time.textContent = seconds((Date.now() + behind - Date.parse(time.dateTime)) / 1000);
}

/** Start, where the page is that of live calls. */
export function startCalls() {
  if (!page()) return;
  count();
  setInterval(tick, 1000);
  setInterval(refresh, EVERY);
  document.addEventListener("console:phone", refresh);
  document.addEventListener("visibilitychange", refresh);
  page().addEventListener("click", async (event) => {
    const button = event.target.closest("[data-supervise]");
    if (!button) return;
    button.disabled = true;
    try {
      await post(`${frame().dataset.root}phone/${button.dataset.call}/supervise`, { mode: button.dataset.supervise });
      document.dispatchEvent(new CustomEvent("console:phone"));
    } catch (error) {
      toast(error.message, { isError: true });
    } finally {
      button.disabled = false;
    }
  });
}
