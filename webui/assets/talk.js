// One talk on /ws/transcribe: the token first, then audio; words, warnings and the end come back. It goes on over another
// connection when one breaks: what the server had not taken is sent again, and every word comes once.

import { token } from "./api.js";
import { keeping } from "./kept.js";

const BYTES_PER_SECOND = 32_000;
// What may be said before the engine is open is kept: three seconds.
const EARLY_BYTES = 3 * BYTES_PER_SECOND;
// Eight seconds of audio that the network didn't take: then it is lost.
const UNSENT_BYTES = 8 * BYTES_PER_SECOND;
const READY_MS = 30_000;
const FINISH_MS = 15_000;
// As long as audio is kept.
const AWAY_MS = 30_000;
// Whoever stops while the connection is away waits no longer for it.
const STOPPED_MS = 3_000;
const SHORTEST_MS = 250;
const LONGEST_MS = 4_000;
const LOST = 1006;

/**
 * Open a session. `on` has ready(), words(transcript), low(seconds), problem(text), lost() when the connection broke, back()
 * when it goes on, and, exactly once, end({reason, seconds, before, after}); its reason is a label of the protocol, or
 * "unreachable", `before` and `after` are the credit in seconds, null where the server didn't say it. A transcript is that
 * of the protocol, its times those of the whole talk.
 */
export async function open(on) {
  const audio = keeping(AWAY_MS / 1000 * BYTES_PER_SECOND);
  let socket = null;
  // Of the session: with what it is resumed, where its audio begins, up to where its words are final, the last numbered result.
  let resume = null;
  let base = 0;
  let final = 0;
  let received = 0;
  let ready = false;
  let stopping = false;
  let ended = false;
  let opened = false;
  let before = null;
  let last = null;
  let used = 0;
  let lostAt = 0;
  let failures = 0;
  let limit = setTimeout(() => end("upstream_unavailable"), READY_MS);
  connect(await token());

  return {
    /** A piece of audio. */
    send(piece) {
      if (ended || stopping) return;
      // Before the first `ready` nobody knows whether it will be heard at all.
      if (before === null && audio.end + piece.byteLength > EARLY_BYTES) return;
      audio.give(piece);
      flush();
    },
    /** No more audio; the last words still come. */
    stop() {
      if (ended || stopping) return;
      stopping = true;
      if (!opened || before === null) return void end("completed");
      if (ready) finish();
      else setTimeout(() => { if (!ready) end("client_gone"); }, STOPPED_MS);
    },
    /** Seconds of audio that were sent. */
    get seconds() {
      return audio.sent / BYTES_PER_SECOND;
    },
  };

  function connect(bearer) {
    const mine = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/transcribe`);
    socket = mine;
    mine.onopen = () => {
      opened = true;
      const again = resume && { token: resume, received, start: Math.max(final, audio.begin) - base };
      mine.send(JSON.stringify({ type: "auth", token: bearer, resume: again ?? true, config: { encoding: "linear16", sample_rate: 16000, channels: 1, interim_results: true, punctuate: true } }));
    };
    mine.onmessage = ({ data }) => { if (mine === socket) hear(JSON.parse(data)); };
    mine.onclose = ({ code, reason }) => { if (mine === socket) closed(code, reason); };
  }

  function hear(message) {
    const { type } = message;
    if (type === "ready" || type === "resumed") begin(message);
    else if (type === "transcript") words(message);
    else if (type === "credits_low") on.low(message.seconds_remaining);
    else if (type === "error" && !message.fatal) on.problem(message.message);
    else if (type === "error") last ??= { reason: message.code };
    else if (type === "session_end") {
      last = { reason: message.reason, seconds: message.seconds_used, after: message.seconds_remaining };
      // A restart: every word of what was taken is here, and the talk goes on behind it.
      if (message.reason === "server_draining" && message.taken !== undefined) final = base + message.taken;
    }
  }

  function begin({ type, taken, seconds_remaining: remaining, resume_token: given }) {
    clearTimeout(limit);
    if (type === "resumed") {
      audio.again(base + taken);
    } else {
      base = Math.max(final, audio.begin);
      received = 0;
      audio.again(base);
    }
    resume = given ?? null;
    ready = true;
    failures = 0;
    const first = before === null;
    before ??= remaining;
    if (first) on.ready();
    else on.back();
    flush();
    if (stopping) finish();
  }

  function words(message) {
    const { number, is_final: isFinal, start, duration, words: timed = [] } = message;
    if (number !== undefined) {
      if (number <= received) return;
      received = number;
      socket.send(JSON.stringify({ type: "received", number }));
    }
    const earlier = base / BYTES_PER_SECOND;
    if (isFinal) {
      final = Math.max(final, Math.min(base + 2 * Math.floor((start + duration) * BYTES_PER_SECOND / 2), audio.sent));
      audio.forget(final);
    }
    on.words({ ...message, start: start + earlier, words: timed.map((one) => ({ ...one, start: one.start + earlier, end: one.end + earlier })) });
  }

  function flush() {
    if (!ready || socket.readyState !== WebSocket.OPEN) return;
    if (socket.bufferedAmount > UNSENT_BYTES) return void lose();
    for (let piece = audio.next(); piece; piece = audio.next()) socket.send(piece);
  }

  function finish() {
    socket.send(JSON.stringify({ type: "stop" }));
    clearTimeout(limit);
    limit = setTimeout(() => end("client_gone"), FINISH_MS);
  }

  function closed(code, reason) {
    const restarted = last?.reason === "server_draining" && !(stopping && final >= audio.end);
    if (before !== null && resume && (restarted || (code === LOST && !last))) {
      used += last?.seconds ?? 0;
      last = null;
      lose();
    } else {
      end(last?.reason || reason || (opened ? "client_gone" : "unreachable"));
    }
  }

  /** The connection is gone: try another one, at once and then after pauses that grow and differ. */
  function lose() {
    if (ready) {
      lostAt = Date.now();
      on.lost();
    }
    ready = false;
    const gone = socket;
    socket = null;
    gone?.close();
    clearTimeout(limit);
    if (Date.now() - lostAt > AWAY_MS) return void end("client_gone");
    const pause = failures ? Math.min(SHORTEST_MS * 2 ** failures, LONGEST_MS) * (1 + Math.random()) / 2 : 0;
    failures += 1;
    limit = setTimeout(async () => {
      try {
        const bearer = await token();
        if (ended) return;
        limit = setTimeout(lose, READY_MS);
        connect(bearer);
      } catch {
        lose();
      }
    }, pause);
  }

  function end(reason) {
    if (ended) return;
    ended = true;
    clearTimeout(limit);
    if (socket) {
      socket.onclose = socket.onmessage = null;
      socket.close();
    }
    on.end({ reason, seconds: used + (last?.seconds ?? (audio.sent - base) / BYTES_PER_SECOND), before, after: last?.after ?? null });
  }
}
