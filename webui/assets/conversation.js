// The one talk of this document. It belongs to no view: whoever shows it watches it, and going from one to another doesn't
// end it. What was heard goes on in the same talk until a new one is begun, whatever ended a session in between.

import { user, wording } from "./api.js";
import { advice } from "./endings.js";
import { count, length, used } from "./format.js";
import { NoMicrophone, listen } from "./microphone.js";
import { open } from "./talk.js";
import { warn, warning } from "./warning.js";
import { claim, claimed, keep, kept, prune, said } from "./words.js";

// What was said longer ago than this is not gone on with: it stands among the earlier talks.
const RECENT_MS = 12 * 3_600_000;
// Words that may change are kept at this pace, for the day that the page is lost with them.
const LOOSE_MS = 1000;
const TICK_MS = 200;
// By which a talk is recognised in a list.
const OPENING_CHARACTERS = 80;

/** As it stands: phase is "idle", "waiting", "connecting", "talking" or "finishing", `state` says it in words. */
export const conversation = {
  phase: "idle",
  state: "The microphone is off.",
  talk: null,
  pieces: [],
  loose: "",
  seconds: 0,
  kept: true,
  get running() { return this.phase !== "idle"; },
};

const watchers = new Set();
let attempt = 0;
let session = null;
let closeMicrophone = null;
let release = null;
let ticking = null;
let breaks = true;
let looseAt = 0;
let lowWords = "";

addEventListener("keydown", (event) => {
  // In a dialogue it closes that, in a field it is the browser's.
  if (event.key !== "Escape" || event.defaultPrevented || event.isComposing || !conversation.running) return;
  if (document.querySelector("dialog[open]") || event.target.closest?.("input, textarea")) return;
  event.preventDefault();
  stop();
});

/**
 * Watch it until the returned function is called: `phase()`, `words()` for other ones than before, `piece(piece)` for one
 * more, `loose()`, `clock()`, `level(0…1)`, and `ended(reason)`.
 */
export function watch(watcher) {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

/** Take up again what this account said last, unless it is long ago or goes on in another tab. */
export async function restore() {
  const { talk, running } = conversation;
  if (talk ? talk.user === user().id : running) return;
  // Somebody else's, who was signed in here before.
  await stopped();
  clear();
  try {
    const elsewhere = await claimed();
    const last = (await kept(user().id)).find(({ id }) => !elsewhere.includes(id));
    if (!last || Date.now() - last.changed > RECENT_MS) return;
    const pieces = await said(last.id);
    if (conversation.running || conversation.talk) return;
    Object.assign(conversation, { talk: last, pieces });
    if (last.loose) add({ ...last.loose, breaks: false, loose: true });
  } catch {
    conversation.kept = false;
  }
  tell("words");
}

/** Open the microphone and a session, and go on where the words ended. */
export async function start() {
  if (conversation.running) return;
  const mine = ++attempt;
  const ours = (act) => (...more) => { if (mine === attempt) act(...more); };
  move("waiting", "Allow the microphone if your browser asks.");
  conversation.seconds = 0;
  tell("clock");
  warn("talk", "");
  try {
    const close = await listen(ours(heard), ours(() => { stop(); warn("talk", "The microphone went away. Connect it, then start again."); }));
    if (mine !== attempt) return void close();
    closeMicrophone = close;
    move("connecting", "Connecting…");
    const giveBack = await take();
    if (mine !== attempt) return void giveBack();
    release = giveBack;
    const opened = await open({ ready: ours(ready), words: ours(words), low: ours(low), problem: ours((text) => warn("talk", text)), lost: ours(lost), back: ours(back), end: ours(end) });
    if (mine !== attempt) return void opened.stop();
    session = opened;
  } catch (error) {
    if (mine !== attempt) return;
    off("The microphone is off.");
    warn("talk", error instanceof NoMicrophone ? error.message : wording(error));
  }
}

/** No more audio; the last words still come. */
export function stop() {
  if (["idle", "finishing"].includes(conversation.phase)) return;
  if (!session) {
    attempt += 1;
    return off("The microphone is off.");
  }
  closeMicrophone?.();
  closeMicrophone = null;
  move("finishing", "Waiting for the last words…");
  session.stop();
}

/** When the running talk has ended. */
export async function stopped() {
  stop();
  if (!conversation.running) return;
  await new Promise((resolve) => { const leave = watch({ ended: () => { leave(); resolve(); } }); });
}

/** A clean sheet: what was said stands among the earlier talks, or was forgotten. */
export function clear() {
  if (conversation.running) return;
  Object.assign(conversation, { talk: null, pieces: [], loose: "", seconds: 0, kept: true });
  move("idle", "The microphone is off.");
  tell("words");
  tell("clock");
}

/** The warning of low credit is over where the credit is higher. */
export function topUp() {
  if (lowWords && warning("talk") === lowWords) warn("talk", "");
  lowWords = "";
}

/** Have the talk for this tab; returns what gives it back. */
async function take() {
  const { talk } = conversation;
  const had = talk && await claim(talk.id);
  if (had) return had;
  // None yet, or another tab has begun to go on with it.
  const now = Date.now();
  const fresh = { id: crypto.randomUUID(), user: user().id, began: now, changed: now, seconds: 0, opening: "", loose: null };
  Object.assign(conversation, { talk: fresh, pieces: [] });
  tell("words");
  return claim(fresh.id);
}

function heard({ audio, level }) {
  session?.send(audio);
  tell("level", level);
}

function ready() {
  breaks = true;
  move("talking", "Listening. Speak now.");
  ticking = setInterval(() => { conversation.seconds = session?.seconds ?? 0; tell("clock"); }, TICK_MS);
}

function lost() {
  if (conversation.phase === "talking") move("talking", "The connection was lost. Speak on: your words are kept, and another one is tried.");
}

function back() {
  if (conversation.phase === "talking") move("talking", "Listening. Speak now.");
}

function words({ text, is_final: final, start: from, duration, words: timed = [] }) {
  const { seconds } = conversation.talk;
  const piece = {
    text: text.trim(), start: seconds + from, end: seconds + from + duration, breaks, loose: false,
    words: timed.map((one) => ({ text: one.punctuated_word ?? one.word, start: seconds + one.start, end: seconds + one.end })),
  };
  if (final) {
    loosen(null);
    if (piece.text) add(piece);
  } else {
    loosen(piece.text ? piece : null);
  }
}

function add(piece) {
  const { talk } = conversation;
  conversation.pieces.push(piece);
  breaks = false;
  Object.assign(talk, { changed: Date.now(), opening: `${talk.opening} ${piece.text}`.trim().slice(0, OPENING_CHARACTERS), loose: null });
  store(talk, piece);
  tell("piece", piece);
}

function loosen(piece) {
  conversation.loose = piece?.text ?? "";
  conversation.talk.loose = piece;
  if (piece && Date.now() - looseAt >= LOOSE_MS) {
    looseAt = Date.now();
    store(conversation.talk);
  }
  tell("loose");
}

async function store(talk, piece) {
  try {
    await keep(talk, piece);
  } catch {
    // Private windows and full disks: it is said beside the words.
    conversation.kept = false;
    tell("phase");
  }
}

function low(seconds) {
  const whole = Math.floor(seconds);
  lowWords = `About ${whole < 120 ? count(whole, "second") : count(Math.floor(whole / 60), "minute")} left. Buy minutes now and you can go on talking.`;
  warn("talk", lowWords);
}

function end({ reason, seconds, before, after }) {
  const { talk, loose } = conversation;
  // Never made final, and paid for all the same.
  if (talk.loose && loose) add({ ...talk.loose, loose: true });
  conversation.loose = "";
  Object.assign(talk, { seconds: talk.seconds + seconds, loose: null });
  if (conversation.pieces.length) store(talk).then(() => prune(talk.user)).catch(() => {});
  const spent = before === null || after === null ? Math.ceil(seconds) : used(before, after, seconds);
  conversation.seconds = spent;
  const cost = `${length(spent)} used.`;
  if (reason !== "completed") off("The microphone is off.");
  else off(spent ? `Finished: ${cost}` : "Finished. Nothing was used.");
  if (reason === "unreachable") warn("talk", "The server can't be reached. Check your network, then start again.");
  else if (reason === "completed") topUp();
  else warn("talk", spent ? `${advice(reason, seconds)} ${cost}` : advice(reason, seconds));
  if (reason === "insufficient_credits") lowWords = warning("talk");
  tell("clock");
  tell("loose");
  tell("ended", reason);
}

function off(state) {
  clearInterval(ticking);
  closeMicrophone?.();
  closeMicrophone = null;
  session = null;
  release?.();
  release = null;
  tell("level", 0);
  move("idle", state);
}

function move(phase, state) {
  Object.assign(conversation, { phase, state });
  tell("phase");
}

function tell(what, ...more) {
  for (const one of [...watchers]) one[what]?.(...more);
}
