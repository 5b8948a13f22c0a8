// One session on /ws/transcribe: the token first, then audio; words, warnings and the end come back.

import { token } from "./api.js";

const PIECE_SECONDS = 0.1;
// What may be said before the engine is open is kept: three seconds.
const EARLY_PIECES = 30;
// Eight seconds of audio that the network didn't take.
const UNSENT_BYTES = 256_000;
const READY_MS = 30_000;
const FINISH_MS = 15_000;

/**
 * Open a session. `on` has ready(), words(transcript), low(seconds), problem(text) and, exactly once,
 * end({reason, seconds, before, after}); its reason is a label of the protocol, or "unreachable", `before` and
 * `after` are the credit in seconds, null where the server didn't say it. A transcript is that of the protocol.
 */
export async function open(on) {
  const bearer = await token();
  const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/transcribe`);
  socket.binaryType = "arraybuffer";
  const early = [];
  let ready = false;
  let stopping = false;
  let ended = false;
  let opened = false;
  let pieces = 0;
  let before = null;
  let last = null;
  let limit = setTimeout(() => end("upstream_unavailable"), READY_MS);

  socket.onopen = () => {
    opened = true;
    socket.send(JSON.stringify({ type: "auth", token: bearer, config: { encoding: "linear16", sample_rate: 16000, channels: 1, interim_results: true, punctuate: true } }));
  };
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.type === "ready") begin(message);
    else if (message.type === "transcript") on.words(message);
    else if (message.type === "credits_low") on.low(message.seconds_remaining);
    else if (message.type === "error" && !message.fatal) on.problem(message.message);
    else if (message.type === "error") last ??= { reason: message.code };
    else if (message.type === "session_end") last = { reason: message.reason, seconds: message.seconds_used, after: message.seconds_remaining };
  };
  socket.onclose = ({ reason }) => end(last?.reason || reason || (opened ? "client_gone" : "unreachable"));

  return {
    /** A piece of audio. */
    send(audio) {
      if (ended || stopping) return;
      if (!ready) {
        if (early.length < EARLY_PIECES) early.push(audio);
        return;
      }
      if (socket.bufferedAmount > UNSENT_BYTES) return void end("slow_client");
      socket.send(audio);
      pieces += 1;
    },
    /** No more audio; the last words still come. */
    stop() {
      if (ended || stopping) return;
      stopping = true;
      if (!opened || !ready) return void end("completed");
      socket.send(JSON.stringify({ type: "stop" }));
      clearTimeout(limit);
      limit = setTimeout(() => end("client_gone"), FINISH_MS);
    },
    /** Seconds of audio that were sent. */
    get seconds() {
      return pieces * PIECE_SECONDS;
    },
  };

  function begin({ seconds_remaining: remaining }) {
    clearTimeout(limit);
    before = remaining;
    ready = true;
    on.ready();
    for (const audio of early.splice(0)) {
      socket.send(audio);
      pieces += 1;
    }
  }

  function end(reason) {
    if (ended) return;
    ended = true;
    clearTimeout(limit);
    socket.onclose = socket.onmessage = null;
    socket.close();
    on.end({ reason, seconds: last?.seconds ?? pieces * PIECE_SECONDS, before, after: last?.after ?? null });
  }
}
