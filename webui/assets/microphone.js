// The microphone as pieces of 16 kHz audio, and in plain words why there is none.

/** Why the microphone can't be used, for a person. */
export class NoMicrophone extends Error {}

/**
 * Open the microphone. `heard` gets {audio: ArrayBuffer, level: 0…1} ten times a second, `lost` is called
 * when it goes away. Returns a function that closes it.
 */
export async function listen(heard, lost) {
  if (!navigator.mediaDevices?.getUserMedia || !globalThis.AudioWorkletNode) {
    throw new NoMicrophone(isSecureContext
      ? "This browser can't pass the microphone on. Use a newer one."
      : "Browsers open the microphone only on pages that come over https, or from this same computer.");
  }
  const stream = await ask();
  let context = null;
  const close = () => {
    for (const track of stream.getTracks()) track.stop();
    if (context && context.state !== "closed") context.close();
  };
  try {
    context = new AudioContext({ latencyHint: "interactive" });
    await context.audioWorklet.addModule(new URL("capture.js", import.meta.url));
    const node = new AudioWorkletNode(context, "capture", { numberOfOutputs: 0 });
    node.port.onmessage = ({ data }) => heard(data);
    context.createMediaStreamSource(stream).connect(node);
    // Some browsers begin in silence until a button was pressed; one was.
    await context.resume();
  } catch {
    close();
    throw new NoMicrophone("The microphone was opened, but its sound can't be read. Reload the page, or try another browser.");
  }
  for (const track of stream.getAudioTracks()) track.addEventListener("ended", lost);
  return close;
}

async function ask() {
  try {
    return await navigator.mediaDevices.getUserMedia({
      audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    });
  } catch (error) {
    throw new NoMicrophone(REASONS[error.name] ?? "The microphone can't be opened. Check it in your system's settings, then start again.");
  }
}

const REASONS = {
  NotAllowedError: "This page may not use the microphone. Allow it in your browser, beside the address, then start again.",
  SecurityError: "This page may not use the microphone. Allow it in your browser, beside the address, then start again.",
  NotFoundError: "No microphone was found. Connect one, then start again.",
  OverconstrainedError: "No microphone was found. Connect one, then start again.",
  NotReadableError: "The microphone is in use by another program, or switched off. Free it, then start again.",
  AbortError: "The microphone is in use by another program, or switched off. Free it, then start again.",
};
