// Recorded calls: whoever listens says why first; then a player with a seek bar takes the form's place.

import { post } from "./dom.js";
import { toast } from "./toast.js";

export function startSounds() {
  document.addEventListener("submit", async (event) => {
    const form = event.target.closest("form[data-listen]");
    if (!form) return;
    event.preventDefault();
    const place = form.closest("[data-sound]");
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      await post(`${place.dataset.sound}/listen`, new FormData(form));
      const player = document.createElement("audio");
      player.controls = true;
      player.setAttribute("aria-label", form.dataset.listen);
      player.src = `${place.dataset.sound}/sound`;
      place.replaceChildren(player);
      player.focus();
      showWords(place);
      // A browser that wants another press before it makes a noise shows the player's own button.
      await player.play().catch(() => {});
    } catch (error) {
      button.disabled = false;
      toast(error.message, { isError: true });
    }
  });
  // A voice message needs no reason; what was written down of it comes when it is played.
  document.addEventListener(
    "play",
    (event) => {
      const place = event.target.closest("[data-sound]");
      if (place) showWords(place);
    },
    true,
  );
  // One at a time: two recordings at once are understood by nobody.
  document.addEventListener(
    "play",
    (event) => {
      for (const other of document.querySelectorAll("audio")) if (other !== event.target) other.pause();
    },
    true,
  );
}

// What was said, under the player, where somebody had it written down.
async function showWords(place) {
  if (place.dataset.words) return;
  place.dataset.words = "asked";
  const answer = await fetch(`${place.dataset.sound}/transcript`, { credentials: "same-origin" });
  if (answer.status !== 200) return;
  const words = document.createElement("template");
  words.innerHTML = await answer.text();
  place.append(words.content);
}
