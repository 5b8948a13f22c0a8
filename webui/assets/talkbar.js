// What other views show of a talk that goes on.

import { conversation, stop, watch } from "./conversation.js";
import { clock } from "./format.js";
import { part } from "./page.js";
import { showWarnings } from "./warning.js";

/** Keep a bar in `place` wherever the view has no place for the talk itself. Returns what a change of view calls. */
export function talkbar(place, template) {
  let away = false;
  const bar = template.content.firstElementChild;
  part(bar, "bar-stop").addEventListener("click", stop);
  watch({ phase: show, clock: tick });
  return () => {
    away = false;
    show();
  };

  function show() {
    // Once it has ended the bar still says how, until one leaves the view or goes to see.
    away = !part(document, "talk") && (away || conversation.running);
    if (!away) bar.remove();
    else if (!bar.isConnected) place.replaceChildren(bar);
    part(bar, "bar-state").textContent = conversation.running ? "You are talking" : conversation.state;
    part(bar, "bar-dot").classList.toggle("beating", conversation.running);
    const focused = document.activeElement === part(bar, "bar-stop");
    part(bar, "bar-stop").hidden = !conversation.running;
    if (focused && !conversation.running) part(bar, "bar-words").focus();
    tick();
    showWarnings();
  }

  function tick() {
    part(bar, "bar-clock").textContent = clock(conversation.seconds);
  }
}
