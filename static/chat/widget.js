/* Puts the chat on a page: <script src="https://hub/chat/widget.js" data-site="…" async></script>
   (data-language="es" to begin in Spanish). Everything is in a frame of the hub's: it cannot read or
   change this page, nor this page it. The two exchange sizes, and check each other's origin. */
(function () {
  "use strict";
  var script = document.currentScript;
  var site = script && script.dataset.site;
  if (!site || document.querySelector("iframe[data-hub-chat]")) return;
  var hub = new URL(script.src).origin;
  var frame = document.createElement("iframe");
  var isOpen = false;
  var isThere = false; // before that, a greeting would have nobody of the hub's to reach

  function show(styles) {
    for (var name in styles) frame.style.setProperty(name, styles[name], "important");
  }

  function isSmall() {
    return window.matchMedia("(max-width: 480px), (max-height: 480px)").matches;
  }

  function fit() {
    var small = isSmall();
    show(
      !isOpen
        ? { width: "80px", height: "80px", right: "8px", bottom: "8px", left: "auto", top: "auto" }
        : small
          ? { width: "100%", height: "100%", right: "0", bottom: "0", left: "0", top: "0" }
          : {
              width: "404px",
              height: "min(676px, 100vh)",
              right: "8px",
              bottom: "8px",
              left: "auto",
              top: "auto",
            },
    );
  }

  frame.src =
    hub +
    "/chat/frame/" +
    encodeURIComponent(site) +
    (script.dataset.language ? "?language=" + encodeURIComponent(script.dataset.language) : "");
  frame.title = script.dataset.title || "Chat";
  frame.setAttribute("data-hub-chat", site);
  frame.setAttribute("allow", "");
  frame.setAttribute("referrerpolicy", "origin");
  frame.setAttribute(
    "sandbox",
    "allow-scripts allow-same-origin allow-forms allow-downloads allow-popups allow-popups-to-escape-sandbox",
  );
  show({
    position: "fixed",
    "z-index": "2147483000",
    border: "0",
    margin: "0",
    padding: "0",
    background: "transparent",
    display: "block",
    visibility: "visible",
    opacity: "1",
    "max-width": "100%",
    "max-height": "100%",
    "color-scheme": "normal",
  });
  fit();

  window.addEventListener("resize", function () {
    fit();
    greet();
  });
  window.addEventListener("message", function (event) {
    if (event.origin !== hub || event.source !== frame.contentWindow) return;
    var told = event.data;
    if (!told || told.from !== "hub-chat") return;
    if (told.type === "ready") {
      isThere = true;
      greet();
    }
    if (told.type === "size") {
      isOpen = told.open === true;
      fit();
    }
  });
  function greet() {
    var hello = { to: "hub-chat", type: "hello", full: isSmall() };
    if (isThere) frame.contentWindow.postMessage(hello, hub);
  }

  function place() {
    document.body.appendChild(frame);
  }
  if (document.body) place();
  else document.addEventListener("DOMContentLoaded", place);
})();
