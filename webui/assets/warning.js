// One warning at a time: of those that have something to say, and a place in the view, the first of these is shown.

import { part } from "./page.js";

const ORDER = ["talk", "unreachable", "frozen", "low"];
const said = new Map();

/** Say something, or with an empty text nothing any more. */
export function warn(name, text) {
  said.set(name, text);
  showWarnings();
}

/** What a warning says at present, seen or not. */
export function warning(name) {
  return said.get(name) ?? "";
}

/** After a change of view: its places are new. */
export function showWarnings() {
  const places = ORDER.map((name) => [name, part(document, `warning=${name}`)]).filter(([, place]) => place);
  const first = places.find(([name]) => said.get(name))?.[0];
  for (const [name, place] of places) {
    const text = part(place, "text") ?? place;
    // Said anew only where it is new: screen readers read what changes.
    if (text.textContent !== warning(name)) text.textContent = warning(name);
    place.hidden = name !== first;
  }
}
