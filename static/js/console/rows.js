// The list. Rows come ready from the server; here they are placed, marked and kept still: the row under
// the pointer or with focus never moves, and a new order waits until the hand leaves.

import { announce, conversation, frame, get, me, parse, words } from "./dom.js";
import { refreshAges } from "./ages.js";
import { toast } from "./toast.js";

const ACTIVE = new Set(["open", "waiting"]);
const rows = () => document.getElementById("rows");
const list = () => frame().dataset.list;
let isHandOver = false;
let asked = 0; // of several lists asked for, the last one is shown
let wanted = "";
let loading = 0; // lists that are being fetched
const meanwhile = new Map(); // row id → what came for it while a list was being fetched
const waiting = new Map(); // uuid → the row that waits for its place, or null where it leaves

/** Whether a row belongs to the list that is shown. */
function belongs(row) {
  const { status, holder, department } = row.dataset;
  const mine = frame().dataset.departments.split(" ").includes(department);
  switch (list()) {
    case "mine":
      return ACTIVE.has(status) && holder === me();
    case "team":
      return ACTIVE.has(status) && mine;
    case "unassigned":
      return ACTIVE.has(status) && holder === "" && mine;
    case "snoozed":
      return status === "snoozed" && (mine || holder === me());
    case "resolved":
      return status === "resolved" && mine;
    default:
      return false;
  }
}

/** Set what differs from person to person, in a row that was rendered for everybody. */
export function personalise(row) {
  const open = conversation()?.dataset.uuid === row.dataset.uuid;
  row.classList.toggle("is-open", open);
  const link = row.querySelector(".row-link");
  if (open) link.setAttribute("aria-current", "true");
  else link.removeAttribute("aria-current");
  const holder = row.querySelector(".row-holder");
  if (holder?.dataset.holder === me()) {
    holder.classList.add("is-me");
    holder.firstElementChild.textContent = words("you").toUpperCase();
  }
}

/** Take in a row that changed; `unread` is known of a frame that was made for this person. */
export function applyRow(html, { unread } = {}) {
  const row = parse(html).querySelector(".row");
  // The list that is on its way may have been drawn before this was said.
  if (loading) meanwhile.set(row.id, [html, { unread }]);
  const old = document.getElementById(row.id);
  if (old && Number(old.dataset.revision) > Number(row.dataset.revision)) return;
  const isNews = Number(row.dataset.message) > Number(old?.dataset.message ?? 0);
  const isOpen = conversation()?.dataset.uuid === row.dataset.uuid && !document.hidden;
  const marked = unread ?? (isNews ? row.dataset.from === "patient" : old?.classList.contains("is-unread"));
  row.classList.toggle("is-unread", Boolean(marked) && !isOpen);
  personalise(row);
  if (!rows()) return;
  if (isNews && row.dataset.from === "patient" && !isOpen && belongs(row)) {
    const urgent = row.classList.contains("is-urgent");
    announce(words(urgent ? "urgentSaid" : "rowSaid"), { urgent });
  }
  if (!belongs(row)) {
    if (old) leave(row.dataset.uuid);
    else waiting.delete(row.dataset.uuid);
    return;
  }
  if (old) morph(old, row);
  else if (!fits(row)) return; // it stands further down, on a page not loaded yet
  waiting.set(row.dataset.uuid, old ?? row);
  settle();
}

/** A row leaves the list: at once, or when the hand is gone. */
export function leave(uuid) {
  const row = document.getElementById(`row-${uuid}`);
  if (!row) return;
  row.classList.add("is-leaving");
  waiting.set(uuid, null);
  settle();
}

export function markRead(uuid) {
  document.getElementById(`row-${uuid}`)?.classList.remove("is-unread");
}

/** Mark the row whose conversation is open. */
export function markOpen() {
  for (const row of document.querySelectorAll(".row")) personalise(row);
}

function morph(old, row) {
  const tick = old.querySelector(".row-tick input")?.checked;
  if (window.Idiomorph) window.Idiomorph.morph(old, row, { morphStyle: "outerHTML" });
  else old.replaceWith(row);
  const now = document.getElementById(row.id);
  const box = now?.querySelector(".row-tick input");
  if (box && tick) box.checked = true;
  refreshAges(now);
}

/** Put everything that waits into its place, unless somebody's hand is on the list. */
function settle({ force = false } = {}) {
  if (!waiting.size) return;
  const held = isHandOver || rows().contains(document.activeElement);
  if (held && !force) return;
  const scroll = document.getElementById("list-scroll");
  const top = scroll.scrollTop;
  for (const [uuid, row] of waiting) {
    if (row === null) document.getElementById(`row-${uuid}`)?.remove();
    else place(document.getElementById(`row-${uuid}`) ?? row);
  }
  waiting.clear();
  scroll.scrollTop = top;
  showEmpty();
}

function place(row) {
  const others = [...rows().children].filter((one) => one !== row);
  const next = others.find((one) => comesBefore(row, one));
  rows().insertBefore(row, next ?? null);
}

function comesBefore(row, other) {
  const [a, b] = [row.dataset.due, other.dataset.due];
  return list() === "resolved" ? a > b : a < b;
}

/** Whether a row that is not here belongs among those that are loaded. */
function fits(row) {
  const more = document.getElementById("more");
  const last = rows().lastElementChild;
  return !more || !last || comesBefore(row, last);
}

function showEmpty() {
  const empty = document.querySelector("#list-scroll [data-empty]");
  if (empty) empty.hidden = rows().children.length > 0;
}

/** Take in the tabs of a live frame; which list is shown is this browser's own. */
export function applyCounts(html) {
  const fresh = parse(html);
  for (const count of fresh.querySelectorAll("[data-count]")) {
    const here = document.querySelectorAll(`#counts [data-count="${count.dataset.count}"]`);
    for (const one of here) one.textContent = count.textContent;
  }
}

/** The unread mark on the rail. */
export function applyUnread(count) {
  const badge = document.getElementById("rail-badge");
  badge.hidden = !count;
  badge.querySelector("[data-count]").textContent = count;
}

/** Show another list, and say so in the address. */
export async function showList(name) {
  const mine = (asked += 1);
  wanted = name;
  loading += 1;
  try {
    const html = await get(`${frame().dataset.root}rows?list=${name}`);
    if (mine !== asked) return; // somebody asked for another list since
    const isSame = frame().dataset.list === name;
    fill(name, html);
    const counts = await get(`${frame().dataset.root}counts?list=${name}`);
    // A tab that is being pressed must not be replaced under the hand.
    if (isSame) applyCounts(counts);
    else document.getElementById("counts").innerHTML = counts;
    const address = new URL(location.href);
    address.searchParams.set("list", name);
    history.replaceState(history.state, "", address);
    markOpen();
    watchMore();
  } catch (error) {
    toast(error.message, { isError: true });
  } finally {
    loading -= 1;
    if (!loading) applyMeanwhile();
  }
}

function applyMeanwhile() {
  const came = [...meanwhile.values()];
  meanwhile.clear();
  for (const [html, more] of came) applyRow(html, more);
}

/** The list that is shown, or about to be, drawn anew; not every page has one. */
export const refreshList = () => document.getElementById("list-scroll") && showList(wanted || list());

/** Put the rows of a list in place; the same list drawn anew keeps focus and scroll. */
function fill(name, html) {
  const place = document.getElementById("list-scroll");
  if (frame().dataset.list === name && window.Idiomorph) {
    window.Idiomorph.morph(place, html, { morphStyle: "innerHTML" });
  } else {
    place.innerHTML = html;
    place.scrollTop = 0;
  }
  frame().dataset.list = name;
  waiting.clear();
}

async function loadMore(button) {
  button.disabled = true;
  try {
    const after = encodeURIComponent(button.dataset.after);
    const fresh = parse(await get(`${frame().dataset.root}rows?list=${list()}&after=${after}`));
    const next = fresh.querySelector("[data-next]");
    next?.remove();
    for (const row of fresh.querySelectorAll(".row")) {
      if (document.getElementById(row.id)) continue; // it moved here meanwhile
      personalise(row);
      rows().append(row);
    }
    if (next) button.dataset.after = next.dataset.next;
    else button.remove();
  } catch (error) {
    toast(error.message, { isError: true });
  } finally {
    button.disabled = false;
  }
}

let watcher = null;
function watchMore() {
  watcher?.disconnect();
  const button = document.getElementById("more");
  if (!button) return;
  watcher = new IntersectionObserver(
    ([seen]) => seen.isIntersecting && !button.disabled && loadMore(button),
    { root: document.getElementById("list-scroll"), rootMargin: "400px" },
  );
  watcher.observe(button);
}

/** Move to the next row by keyboard. */
export function step(by) {
  const all = [...document.querySelectorAll(".rows .row-link")];
  if (!all.length) return;
  const at = all.findIndex((link) => link === document.activeElement);
  const from = at >= 0 ? at : all.findIndex((link) => link.closest(".row").classList.contains("is-open"));
  const next = all[Math.min(all.length - 1, Math.max(0, from + by))] ?? all[0];
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}

function selecting(on) {
  const place = document.getElementById("list");
  place.classList.toggle("is-selecting", on);
  place.querySelector("[data-select]")?.setAttribute("aria-pressed", String(on));
  const bar = document.getElementById("reassign");
  if (!bar) return;
  if (!on) for (const box of place.querySelectorAll(".row-tick :checked")) box.checked = false;
  bar.hidden = !on;
  countChosen();
}

export function toggleSelecting(on) {
  if (!document.querySelector("[data-select]")) return;
  selecting(on ?? !document.getElementById("list").classList.contains("is-selecting"));
}

function countChosen() {
  const bar = document.getElementById("reassign");
  if (!bar) return;
  const chosen = document.querySelectorAll(".row-tick :checked").length;
  bar.querySelector("[data-chosen]").textContent = chosen;
  bar.querySelector("[type=submit]").disabled = chosen === 0;
}

export function startRows() {
  const place = document.getElementById("list");
  if (!place) {
    markOpen();
    return;
  }
  const scroll = document.getElementById("list-scroll");
  scroll.addEventListener("pointerover", (event) => {
    isHandOver = event.pointerType === "mouse" && Boolean(event.target.closest(".rows"));
  });
  scroll.addEventListener("pointerleave", () => {
    isHandOver = false;
    settle();
  });
  scroll.addEventListener("focusout", () => setTimeout(settle));
  place.addEventListener("click", (event) => {
    const link = event.target.closest("[data-list-link]");
    if (link && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      link.closest("details")?.removeAttribute("open");
      showList(link.dataset.listLink);
    } else if (event.target.closest("#more")) loadMore(event.target.closest("#more"));
    else if (event.target.closest("[data-select]")) toggleSelecting();
    else if (event.target.closest("[data-select-none]")) selecting(false);
  });
  place.addEventListener("change", (event) => event.target.closest(".row-tick") && countChosen());
  markOpen();
  watchMore();
}
