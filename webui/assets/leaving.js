// No click leaves a running talk without asking.

import { ask } from "./asking.js";
import { conversation, stopped, watch } from "./conversation.js";

const asked = (event) => event.preventDefault();

// Reloading, closing, going back to another document: browsers ask in words of their own. Only while it is needed, since
// some keep no page for going back that listens for this.
watch({
  phase() {
    if (conversation.running) addEventListener("beforeunload", asked);
    else removeEventListener("beforeunload", asked);
  },
});

/** Follow a link out of this document: beside the talk, or in its place. */
export async function leaveFor(url) {
  const answer = await ask("You are talking", "That page would take the place of this one, and the talk would end.",
    [["beside", "Open in a new tab"], ["stop", "Stop and go there"], ["stay", "Stay here"]]);
  if (answer === "beside") open(url, "_blank", "noopener");
  if (answer !== "stop") return;
  await stopped();
  location.assign(url);
}

/** Whether something may be done that ends the talk; then it has ended, its last words included. `why` is a sentence. */
export async function mayEnd(why) {
  if (!conversation.running) return true;
  if (await ask("You are talking", why, [["stop", "Stop and go on"], ["stay", "Keep talking"]]) !== "stop") return false;
  await stopped();
  return true;
}
