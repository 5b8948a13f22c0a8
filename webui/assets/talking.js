// The Talk part of the dashboard: buttons, words, clock, and what to do when it ends.

import { wording } from "./api.js";
import { advice } from "./endings.js";
import { clock, count, length } from "./format.js";
import { NoMicrophone, listen } from "./microphone.js";
import { announce, make, part, tell } from "./page.js";
import { open } from "./talk.js";

/** Make it work. `ended` is called after each session, `over` where the sign-in is over. Returns a function that stops it. */
export function talking(root, { ended, over }) {
  const start = part(root, "start");
  const stop = part(root, "stop");
  const copy = part(root, "copy");
  const notice = part(root, "talk-notice");
  const state = part(root, "talk-state");
  const lines = part(root, "lines");
  const box = part(root, "transcript");
  const level = part(root, "level").firstElementChild;
  const time = part(root, "clock");
  let session = null;
  let close = null;
  let ticking = null;
  let line = null;
  let left = false;

  start.addEventListener("click", begin);
  stop.addEventListener("click", finish);
  copy.addEventListener("click", copyWords);

  return () => {
    left = true;
    finish();
    close?.();
  };

  async function begin() {
    show("waiting", "Allow the microphone if your browser asks.");
    notify("");
    time.textContent = clock(0);
    try {
      const opened = await listen(heard, () => { finish(); notify("The microphone went away. Connect it, then start again."); });
      if (left) return void opened();
      close = opened;
      show("connecting", "Connecting…");
      session = await open({ ready, words, low, problem: notify, end });
      if (left) session.stop();
    } catch (error) {
      off();
      notify(error instanceof NoMicrophone ? error.message : wording(error));
    }
  }

  function finish() {
    if (!session) return;
    close?.();
    close = null;
    show("finishing", "Waiting for the last words…");
    session.stop();
  }

  function heard({ audio, level: loud }) {
    session?.send(audio);
    // A quiet voice should move it too.
    level.style.transform = `scaleX(${Math.min(1, Math.sqrt(loud) * 1.6).toFixed(3)})`;
  }

  function ready() {
    show("talking", "Listening. Speak now.");
    part(root, "empty").hidden = true;
    line = make("p", {}, make("span", { class: "final" }), make("span", { class: "interim", "aria-hidden": "true" }));
    lines.append(line);
    ticking = setInterval(() => { time.textContent = clock(session?.seconds ?? 0); }, 200);
  }

  function words({ text, final }) {
    const [settled, interim] = line.children;
    const scrolled = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
    if (final) {
      if (text) settled.append(`${text} `);
      interim.textContent = "";
    } else {
      interim.textContent = text;
    }
    if (lines.textContent.trim()) copy.hidden = false;
    if (scrolled) box.scrollTop = box.scrollHeight;
  }

  function low(seconds) {
    const whole = Math.floor(seconds);
    notify(`About ${whole < 120 ? count(whole, "second") : count(Math.floor(whole / 60), "minute")} left. Buy minutes now and you can go on talking.`);
  }

  function end({ reason, seconds }) {
    off();
    const used = length(seconds);
    time.textContent = clock(seconds);
    if (reason === "completed") {
      say(seconds ? `Finished: ${used} used.` : "Finished. Nothing was used.");
    } else if (reason === "unreachable") {
      notify("The server can't be reached. Check your network, then start again.");
    } else {
      notify(seconds ? `${advice(reason, seconds)} ${used} used.` : advice(reason, seconds));
    }
    if (line) {
      line.lastElementChild.textContent = "";
      if (!line.textContent.trim()) line.remove();
      line = null;
    }
    if (left) return;
    ended();
    if (reason === "auth_failed" || reason === "auth_revoked") over();
  }

  function off() {
    clearInterval(ticking);
    close?.();
    close = null;
    session = null;
    const focused = document.activeElement === stop;
    show("idle", "The microphone is off.");
    if (focused) start.focus();
    level.style.transform = "scaleX(0)";
  }

  function show(phase, said) {
    root.classList.toggle("talking", phase === "talking");
    const focused = document.activeElement === start;
    start.hidden = ["connecting", "talking", "finishing"].includes(phase);
    start.disabled = phase === "waiting";
    stop.hidden = !start.hidden;
    stop.disabled = phase === "finishing";
    if (focused && start.hidden) stop.focus();
    say(said);
  }

  function say(text) {
    state.textContent = text;
  }

  function notify(text) {
    tell(notice, text);
  }

  async function copyWords() {
    const text = [...lines.querySelectorAll(".final")].map((one) => one.textContent.trim()).filter(Boolean).join("\n\n");
    try {
      await navigator.clipboard.writeText(text);
      copy.textContent = "Copied";
      announce("Copied");
    } catch {
      copy.textContent = "Copying is not allowed here";
    }
    setTimeout(() => { copy.textContent = "Copy the words"; }, 2000);
  }
}
