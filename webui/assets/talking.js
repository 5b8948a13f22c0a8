// The Talk part of the dashboard: its button, the words as they come, and what can be done with them.

import { clear, conversation, restore, start, stop, watch } from "./conversation.js";
import { earlier, surely, tools } from "./earlier.js";
import { clock } from "./format.js";
import { announce, make, part } from "./page.js";
import { forget } from "./words.js";

const KEPT = "Your words are kept in this browser alone, for this account, until you forget them.";
const NOT_KEPT = "This browser keeps nothing here: copy or save your words before you leave.";

/** Make it work. `ended` is called after each session. Returns a function that leaves it; the talk goes on. */
export function talking(root, { ended }) {
  const button = part(root, "start");
  const lines = part(root, "lines");
  const box = part(root, "transcript");
  const level = part(root, "level").firstElementChild;

  button.addEventListener("click", ({ detail }) => {
    // The second half of a double click would undo the first.
    if (detail > 1) return;
    if (conversation.running) stop();
    else start();
  });
  part(root, "tools").prepend(...tools(() => conversation.pieces, () => conversation.talk.began));
  part(root, "fresh").addEventListener("click", () => { clear(); button.focus(); });
  part(root, "forget").addEventListener("click", async () => {
    const { talk } = conversation;
    if (!await surely("Forget these words?")) return;
    clear();
    button.focus();
    await forget(talk.id).catch(() => {});
    announce("Forgotten");
  });

  const leave = watch({ phase, words, piece: (one) => followed(() => write(one)), loose, clock: tick, level: loudness, ended });
  words();
  tick();
  restore();
  return leave;

  function phase() {
    const { phase: now, state, running, talk } = conversation;
    root.classList.toggle("talking", now === "talking");
    // One button all the time, and never disabled: the focus stays on it.
    button.textContent = running ? "Stop" : "Start";
    button.classList.toggle("stop", running);
    button.setAttribute("aria-disabled", String(now === "finishing"));
    if (running) button.setAttribute("aria-keyshortcuts", "Escape");
    else button.removeAttribute("aria-keyshortcuts");
    part(root, "escape").hidden = !running;
    const place = part(root, "talk-state");
    if (place.textContent !== state) place.textContent = state;
    part(root, "keeping").textContent = conversation.kept ? KEPT : NOT_KEPT;
    part(root, "fresh").hidden = part(root, "forget").hidden = running;
    filled();
    if (!running) earlier(root, talk?.id);
  }

  function words() {
    lines.replaceChildren();
    conversation.pieces.forEach(write);
    loose();
    phase();
    box.scrollTop = box.scrollHeight;
  }

  function write(piece) {
    const [settled, interim] = line(piece.breaks).children;
    interim.textContent = "";
    settled.append(piece.loose ? make("span", { class: "interim" }, `${piece.text} `) : `${piece.text} `);
    filled();
  }

  function loose() {
    followed(() => {
      const words = conversation.loose;
      if (words) line(conversation.talk.loose.breaks).lastElementChild.textContent = words;
      else if (lines.lastElementChild) lines.lastElementChild.lastElementChild.textContent = "";
      filled();
    });
  }

  /** The line to write on: the last one, or where a paragraph begins, one on which nothing stands yet. */
  function line(breaks) {
    const last = lines.lastElementChild;
    if (last && !(breaks && last.firstElementChild.textContent)) return last;
    const made = make("p", {}, make("span", { class: "final" }), make("span", { class: "interim", "aria-hidden": "true" }));
    lines.append(made);
    return made;
  }

  function filled() {
    part(root, "empty").hidden = Boolean(lines.textContent);
    part(root, "tools").hidden = !conversation.pieces.length;
  }

  /** Keep the newest words in sight, unless somebody reads further up. */
  function followed(change) {
    const below = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
    change();
    if (below) box.scrollTop = box.scrollHeight;
  }

  function tick() {
    part(root, "clock").textContent = clock(conversation.seconds);
  }

  function loudness(loud) {
    // A quiet voice should move it too.
    level.style.transform = `scaleX(${Math.min(1, Math.sqrt(loud) * 1.6).toFixed(3)})`;
  }
}
