// Talks of earlier, as this browser keeps them: to be read, copied, saved and forgotten.

import { user } from "./api.js";
import { ask } from "./asking.js";
import { copyButton } from "./copying.js";
import { when } from "./format.js";
import { announce, make, part } from "./page.js";
import { paragraphs, save, subtitles, text } from "./transcript.js";
import { claimed, forget, kept, said } from "./words.js";

/** List the account's talks but the one that is shown already, given by its id. */
export async function earlier(root, shown) {
  const place = part(root, "earlier");
  const talks = (await kept(user()?.id ?? "").catch(() => [])).filter(({ id }) => id !== shown);
  const elsewhere = talks.length ? await claimed() : [];
  const again = () => earlier(root, shown);
  place.hidden = !talks.length;
  part(place, "earlier-count").textContent = `Earlier talks (${talks.length})`;
  part(place, "earlier-list").replaceChildren(...talks.map((talk) => entry(talk, elsewhere.includes(talk.id), again)));
  const all = part(place, "forget-all");
  all.hidden = talks.length < 2 || elsewhere.length > 0;
  all.onclick = async () => {
    if (await surely(`Forget all ${talks.length} earlier talks?`)) await dropped(talks, again);
  };
}

/** Copy and save buttons for pieces that are asked for when one is pressed. `began` is the talk's, in milliseconds. */
export function tools(pieces, began) {
  return [
    copyButton("Copy", async () => text(await pieces())),
    button("Save as text", async () => save(`${name(began())}.txt`, `${text(await pieces())}\n`)),
    button("Save as subtitles", async () => save(`${name(began())}.srt`, subtitles(await pieces()))),
  ];
}

/** Ask before words are forgotten. */
export async function surely(title) {
  return await ask(title, "They are kept nowhere else: nobody can bring them back.", [["forget", "Forget"], ["no", "Keep them"]]) === "forget";
}

function entry(talk, elsewhere, again) {
  const words = make("div", {});
  const read = async () => said(talk.id);
  const drop = button("Forget", async () => { if (await surely("Forget this talk?")) await dropped([talk], again); });
  const made = make("details", {},
    make("summary", {}, make("time", { datetime: new Date(talk.began).toISOString() }, when(talk.began)), " ", make("span", { class: "muted" }, elsewhere ? "goes on in another tab" : talk.opening)),
    words,
    make("div", { class: "actions" }, ...tools(read, () => talk.began), ...(elsewhere ? [] : [drop])));
  made.addEventListener("toggle", async () => {
    if (made.open) words.replaceChildren(...paragraphs(await read()).map((one) => make("p", {}, text(one))));
  });
  return make("li", {}, made);
}

async function dropped(talks, again) {
  await forget(...talks.map(({ id }) => id)).catch(() => {});
  announce("Forgotten");
  await again();
}

function button(words, act) {
  const made = make("button", { type: "button", class: "quiet" }, words);
  made.addEventListener("click", act);
  return made;
}

/** For a file: "talk 2026-03-01 14.05", in the time of the place. */
function name(began) {
  const time = new Date(began);
  const two = (value) => String(value).padStart(2, "0");
  return `talk ${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())} ${two(time.getHours())}.${two(time.getMinutes())}`;
}
