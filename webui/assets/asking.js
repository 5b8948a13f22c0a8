// Questions that are asked before something is lost.

import { make } from "./page.js";

/**
 * Ask, and return the value of the choice that was made. `choices` are [value, words]; the last of them changes nothing:
 * it has the focus, and Esc means it too.
 */
export function ask(title, text, choices) {
  const safe = choices.at(-1)[0];
  const buttons = choices.map(([value, words], index) => make("button", index ? { value, class: "quiet" } : { value }, words));
  buttons.at(-1).autofocus = true;
  const dialog = make("dialog", { "aria-labelledby": "question", "aria-describedby": "question-text" },
    make("h2", { id: "question" }, title),
    make("p", { id: "question-text" }, text),
    make("form", { method: "dialog", class: "actions" }, ...buttons));
  document.body.append(dialog);
  dialog.returnValue = safe;
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue || safe);
    });
  });
}
