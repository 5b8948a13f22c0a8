// What was said, as text to read and as subtitles (SubRip), and saved as a file.

// Common practice (BBC and Netflix guides): 42 characters a line, two lines, at most 7 seconds.
const LINE_CHARACTERS = 42;
const CUE_LINES = 2;
const CUE_SECONDS = 7;
// A pause this long begins a new subtitle.
const GAP_SECONDS = 1.5;

/** Paragraphs with an empty line between them. */
export function text(pieces) {
  return paragraphs(pieces).map((one) => one.map((piece) => piece.text).join(" ")).join("\n\n");
}

/** Pieces by paragraph. */
export function paragraphs(pieces) {
  const found = [];
  for (const piece of pieces) {
    if (piece.breaks || !found.length) found.push([]);
    found.at(-1).push(piece);
  }
  return found;
}

/** Numbered subtitles that never overlap and never run backwards. */
export function subtitles(pieces) {
  let shownUntil = 0;
  return pieces.flatMap((piece) => cues(timed(piece))).map((cue, index) => {
    const start = Math.max(Math.round(cue[0].start * 1000), shownUntil);
    shownUntil = Math.max(Math.round(cue.at(-1).end * 1000), start + 1);
    return `${index + 1}\n${timestamp(start)} --> ${timestamp(shownUntil)}\n${lines(cue).join("\n")}\n`;
  }).join("\n");
}

/** Let the browser save a text as a file. */
export function save(name, content) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type: "text/plain;charset=utf-8" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** The engine's words, or the text's with its time shared out by length. */
function timed({ text: whole, start, end, words }) {
  const known = words.flatMap((word) => harmless(word.text).map((one) => ({ ...word, text: one })));
  if (known.length) return known;
  const parts = harmless(whole);
  const letters = parts.join("").length;
  let before = 0;
  return parts.map((one) => {
    const from = start + ((end - start) * before) / letters;
    before += one.length;
    return { text: one, start: from, end: start + ((end - start) * before) / letters };
  });
}

/** The words of a text, none of which can be taken for a timing line. */
function harmless(whole) {
  return whole.replaceAll("-->", "→").split(/\s+/).filter(Boolean);
}

/** Cut where it would not fit on the screen, last too long, or where the speaker paused. */
function cues(words) {
  const found = [];
  for (const word of words) {
    const cue = found.at(-1);
    const fits = cue && lines([...cue, word]).length <= CUE_LINES
      && word.end - cue[0].start <= CUE_SECONDS && word.start - cue.at(-1).end <= GAP_SECONDS;
    if (fits) cue.push(word);
    else found.push([word]);
  }
  return found;
}

/** Filled lines; a word longer than a line stays whole on its own. */
function lines(words) {
  const filled = [];
  for (const { text: one } of words) {
    if (filled.length && filled.at(-1).length + 1 + one.length <= LINE_CHARACTERS) filled.push(`${filled.pop()} ${one}`);
    else filled.push(one);
  }
  return filled;
}

function timestamp(milliseconds) {
  const part = (value, digits) => String(Math.floor(value)).padStart(digits, "0");
  const seconds = milliseconds / 1000;
  return `${part(seconds / 3600, 2)}:${part((seconds / 60) % 60, 2)}:${part(seconds % 60, 2)},${part(milliseconds % 1000, 3)}`;
}
