// The examples of the page /docs: files of this server, with its own address in them, to be copied or saved.

import { copyButton } from "./copying.js";
import { make } from "./page.js";

const PLACEHOLDER = "https://relay.example";

/** Fill the places [data-example] of the page. */
export async function showExamples() {
  await Promise.all([...document.querySelectorAll("[data-example]")].map(show));
}

async function show(place) {
  const name = place.dataset.example;
  const code = await load(name);
  if (code === null) return void place.replaceChildren(make("p", { class: "notice bad" }, "The example can't be loaded right now. Reload the page in a moment."));
  place.replaceChildren(make("pre", { tabindex: "0", role: "region", "aria-label": name }, code), make("p", { class: "actions" }, copyButton(`Copy ${name}`, () => code)));
}

async function load(name) {
  try {
    const answer = await fetch(new URL(`examples/${name}`, import.meta.url));
    return answer.ok ? (await answer.text()).replaceAll(PLACEHOLDER, location.origin) : null;
  } catch {
    return null;
  }
}
