// The microphone in, words out, in a page of yours. The operator allows its origin in server.origins.
//
//   const token = await signIn("you@example.org", "password");
//   const dictation = await dictate(token, (text, final) => console.log(final ? text : `… ${text}`));
//   dictation.stop();
//   console.log(await dictation.ended);   // {reason: "completed", seconds_used: 12.3, …}

const SERVER = "https://relay.example";

/** An access token. It is good for days: keep it, and sign in again where it is refused. */
export async function signIn(email, password) {
  const answer = await fetch(`${SERVER}/auth/login`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ email, password }),
  });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.error.message);
  return said.token;
}

/** Call it from a click, or the browser keeps the microphone to itself. */
export async function dictate(token, heard) {
  const microphone = await navigator.mediaDevices.getUserMedia({ audio: true });
  const audio = new AudioContext();
  await audio.audioWorklet.addModule(URL.createObjectURL(new Blob([PIECES], { type: "text/javascript" })));
  const pieces = new AudioWorkletNode(audio, "pieces", { numberOfOutputs: 0 });
  const socket = new WebSocket(`${SERVER.replace("http", "ws")}/ws/transcribe`);
  const say = (message) => socket.send(JSON.stringify(message));
  const ended = new Promise((resolve) => {
    let end = null;
    socket.onopen = () => say({ type: "auth", token, config: { sample_rate: audio.sampleRate, interim_results: true } });
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === "ready") audio.createMediaStreamSource(microphone).connect(pieces);
      else if (message.type === "transcript") heard(message.text, message.is_final);
      else if (message.type === "session_end") end = message;
      else if (message.type === "error") console.warn(message.code, message.message);
    };
    socket.onclose = ({ reason }) => {
      for (const track of microphone.getTracks()) track.stop();
      audio.close();
      resolve(end ?? { reason: reason || "client_gone" });
    };
  });
  let stopped = false;
  pieces.port.onmessage = ({ data }) => {
    if (!stopped && socket.readyState === WebSocket.OPEN) socket.send(data);
  };
  return {
    ended,
    stop() {
      stopped = true;
      say({ type: "stop" });
    },
  };
}

// Runs in the audio thread: 100 ms at a time, as signed 16-bit samples.
const PIECES = `registerProcessor("pieces", class extends AudioWorkletProcessor {
  piece = new Int16Array(sampleRate / 10);
  filled = 0;
  process([[samples = []]]) {
    for (const one of samples) {
      this.piece[this.filled] = Math.max(-1, Math.min(1, one)) * 32767;
      this.filled += 1;
      if (this.filled < this.piece.length) continue;
      this.port.postMessage(this.piece.slice());
      this.filled = 0;
    }
    return true;
  }
});`;
