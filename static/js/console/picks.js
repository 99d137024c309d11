// A dialog in which one of many is picked: typing narrows, Enter takes the first, arrows move, and the
// digit that stands beside a pick takes it.

function narrow(scope, field) {
  const wanted = field.value.trim().toLocaleLowerCase();
  let first = null;
  for (const pick of scope.querySelectorAll("[data-picks] .pick")) {
    const fits = pick.dataset.name.toLocaleLowerCase().includes(wanted);
    pick.hidden = !fits;
    pick.classList.remove("is-first");
    if (fits && !first && pick.checkVisibility()) first = pick;
  }
  if (wanted) first?.classList.add("is-first");
  scope.querySelector("[data-none]").hidden = Boolean(first);
}

function move(dialog, from, by) {
  const picks = [...dialog.querySelectorAll(".pick")].filter((pick) => pick.checkVisibility());
  picks[Math.max(0, Math.min(picks.length - 1, picks.indexOf(from) + by))]?.focus();
}

function takeByDigit(dialog, digit) {
  const hint = [...dialog.querySelectorAll(".pick kbd")].find((one) => one.textContent === digit);
  const pick = hint?.closest(".pick");
  if (!pick) return false;
  const radio = pick.querySelector("input");
  if (!radio) pick.click();
  else {
    radio.checked = true;
    radio.focus();
  }
  return true;
}

/** Narrow by whatever stands in the field already: what can be picked has changed. */
export function narrowAgain(dialog) {
  const field = dialog.querySelector("[data-filter]");
  if (field) narrow(field.closest("form, .dialog-form"), field);
}

/** Let `dialog` be worked by the keyboard. */
export function startPicks(dialog) {
  dialog.addEventListener("input", (event) => {
    if (event.target.matches("[data-filter]")) narrow(event.target.closest("form, .dialog-form"), event.target);
  });
  dialog.addEventListener("keydown", (event) => {
    const field = event.target;
    if (event.key === "Enter" && field.matches("[data-filter]")) {
      event.preventDefault();
      dialog.querySelector(".pick.is-first:not([hidden])")?.click();
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && field.matches("[data-filter], .pick, #who-search")) {
      event.preventDefault();
      move(dialog, field, event.key === "ArrowDown" ? 1 : -1);
    } else if (/^[1-9]$/.test(event.key) && !field.matches("input:not([type=radio]), textarea, select")) {
      if (takeByDigit(dialog, event.key)) event.preventDefault();
    }
  });
}
