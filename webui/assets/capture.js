// Runs in the audio thread: whatever rate the microphone has becomes 16 kHz, one channel, 16 bits, in pieces of 100 ms.

const RATE = 16_000;
const PIECE = 1_600;
// A windowed sinc as low-pass and interpolation in one: so many zero crossings on each side, in steps between samples.
const CROSSINGS = 12;
const STEPS = 128;

class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    // Input samples for one output sample; below 1 nothing needs to be filtered away.
    this.ratio = sampleRate / RATE;
    this.stretch = Math.max(1, this.ratio);
    this.reach = Math.ceil(CROSSINGS * this.stretch);
    this.taps = kernel(this.reach, this.stretch);
    // The newest input, with what the filter still reaches back to; the next output sample's place in it.
    this.input = new Float32Array(this.reach * 2);
    this.at = this.reach;
    this.piece = new Int16Array(PIECE);
    this.filled = 0;
    this.power = 0;
    this.stopped = false;
    this.port.onmessage = () => { this.stopped = true; };
  }

  process([channels]) {
    if (this.stopped) return false;
    if (channels?.length) this.take(mono(channels));
    return true;
  }

  take(samples) {
    const joined = new Float32Array(this.input.length + samples.length);
    joined.set(this.input);
    joined.set(samples, this.input.length);
    while (this.at + this.reach < joined.length) {
      this.put(this.sample(joined));
      this.at += this.ratio;
    }
    const done = Math.max(0, Math.floor(this.at) - this.reach);
    this.input = joined.slice(done);
    this.at -= done;
  }

  /** The filtered value between two input samples. */
  sample(input) {
    const whole = Math.floor(this.at);
    const row = Math.round((this.at - whole) * STEPS) * this.reach * 2;
    let sum = 0;
    for (let tap = 0; tap < this.reach * 2; tap += 1) sum += this.taps[row + tap] * input[whole - this.reach + 1 + tap];
    return sum;
  }

  put(value) {
    const clipped = Math.max(-1, Math.min(1, value));
    this.piece[this.filled] = Math.round(clipped * 32_767);
    this.filled += 1;
    this.power += clipped * clipped;
    if (this.filled < PIECE) return;
    const { buffer } = this.piece;
    this.port.postMessage({ audio: buffer, level: Math.sqrt(this.power / PIECE) }, [buffer]);
    this.piece = new Int16Array(PIECE);
    this.filled = 0;
    this.power = 0;
  }
}

/** Taps for each step between two samples, each row of sum 1: silence stays silent, loud stays as loud. */
function kernel(reach, stretch) {
  const taps = new Float32Array((STEPS + 1) * reach * 2);
  for (let step = 0; step <= STEPS; step += 1) {
    const row = step * reach * 2;
    let sum = 0;
    for (let tap = 0; tap < reach * 2; tap += 1) {
      const distance = tap + 1 - reach - step / STEPS;
      const window = Math.abs(distance) < reach ? 0.5 + 0.5 * Math.cos((Math.PI * distance) / reach) : 0;
      // Nine tenths of the band: the filter's slope lies below what would fold back.
      const turn = (Math.PI * distance * 0.9) / stretch;
      taps[row + tap] = window * (turn ? Math.sin(turn) / turn : 1);
      sum += taps[row + tap];
    }
    for (let tap = 0; tap < reach * 2; tap += 1) taps[row + tap] /= sum;
  }
  return taps;
}

function mono(channels) {
  if (channels.length === 1) return channels[0];
  return channels[0].map((_, index) => channels.reduce((sum, one) => sum + one[index], 0) / channels.length);
}

registerProcessor("capture", Capture);
