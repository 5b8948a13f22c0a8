// Other tabs: opened beside what goes on here.

import { make, tell } from "./page.js";

/**
 * Open a tab that says `words`, and lead it to the address that `find` finds. To be called right where somebody clicked,
 * or browsers take it for an advertisement; where they do all the same, `place` gets a link with the words `link`.
 */
export async function beside(find, { words, place, link }) {
  const tab = open("", "_blank");
  if (tab) tab.document.body.textContent = tab.document.title = words;
  try {
    const url = address(await find());
    if (tab) return void tab.location.replace(url);
    tell(place, "Your browser would not open a new tab.");
    place.append(" ", make("a", { href: url, target: "_blank", rel: "noopener" }, link));
  } catch (error) {
    tab?.close();
    throw error;
  }
}

/** A web address and nothing else. */
export function address(url) {
  if (!/^https?:\/\//.test(url)) throw new Error("no address to go to");
  return url;
}
