// The console. Each part has a module of its own; this one starts them and joins them to the page.
//
// Between the page and its socket (socket.js), as events on `document`:
//   to the socket    console:opened {uuid, level, revision}, console:closed, console:read {uuid, number},
//                    console:typing {uuid}
//   from the socket  console:connection {up}
//                    console:offers {offers}: what the person is being offered, calls among them (offers.js)
//   from the socket  console:connection {up}, console:phone (the own phone changed, or may have)
// and as functions: applyEntries, catchUp (timeline.js), applyHead (head.js), applyRow, applyCounts,
// applyUnread, leave (rows.js), showTyping (composer.js), refreshPanel (open.js).

import "./ages.js";
import { frame, post } from "./dom.js";
import { setConnection } from "./composer.js";
import { startDeeds } from "./deeds.js";
import { startDialogs } from "./dialogs.js";
import { startKeys } from "./keys.js";
import { startOffers } from "./offers.js";
import { back, drawer, open, start } from "./open.js";
import { startCalls } from "./phone/calls.js";
import { startPhone } from "./phone/phone.js";
import { markRead, refreshList, startRows } from "./rows.js";
import "./socket.js";
import { startSounds } from "./sounds.js";
import { toast } from "./toast.js";

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-open]");
  const plain = !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0;
  if (link && plain && document.getElementById("conversation")) {
    event.preventDefault();
    open(link.pathname);
  } else if (event.target.closest("[data-back]") && plain) {
    event.preventDefault();
    back();
  } else if (event.target.closest("[data-drawer]")) drawer(!frame().classList.contains("is-drawer-open"));
  else if (event.target.closest("[data-drawer-close]")) drawer(false);
});

// How far somebody has read is kept on the server.
document.addEventListener("console:read", ({ detail }) => {
  markRead(detail.uuid);
});

// After something done here the row follows at once, whether or not the socket is up.
document.addEventListener("console:refresh-list", refreshList);

/** The thin bar while the line is down: drafts are kept, sending waits. */
function connection(isUp) {
  document.getElementById("connection").hidden = isUp;
  setConnection(isUp);
}
document.addEventListener("console:connection", ({ detail }) => connection(detail.up));
window.addEventListener("offline", () => connection(false));
window.addEventListener("online", () => connection(true));

document.addEventListener("click", async (event) => {
  const choice = event.target.closest("button[data-presence]");
  if (!choice) return;
  const { presence } = choice.dataset;
  choice.closest("details").open = false;
  try {
    await post(`${frame().dataset.root}presence`, { presence });
    document.getElementById("my-presence").dataset.presence = presence;
  } catch (error) {
    toast(error.message, { isError: true });
  }
});

startRows();
startDeeds();
startDialogs();
startKeys();
startSounds();
startOffers();
start();
startPhone();
startCalls();
