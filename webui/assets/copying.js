// A button that copies a text.

import { announce, make } from "./page.js";

const COPIED_MS = 2000;

/** With these words on it; `text` is asked for when it is pressed. */
export function copyButton(words, text) {
  const button = make("button", { type: "button", class: "quiet" }, words);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(await text());
      button.textContent = "Copied";
      announce("Copied");
    } catch {
      button.textContent = "Copying is not allowed here";
    }
    setTimeout(() => { button.textContent = words; }, COPIED_MS);
  });
  return button;
}
