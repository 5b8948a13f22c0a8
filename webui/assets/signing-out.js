// Before one signs out or deletes the account: a talk may run, and words are kept in this browser.

import { deleteAccount, user } from "./api.js";
import { ask } from "./asking.js";
import { conversation, stopped } from "./conversation.js";
import { forget, kept } from "./words.js";

/** Whether to sign out, asked only where something hangs on it; what was chosen about the words is done. */
export async function signingOut() {
  const talks = await kept(user()?.id ?? "").catch(() => []);
  if (!conversation.running && !talks.length) return true;
  const sentences = [
    ...(conversation.running ? ["You are talking: signing out ends the talk."] : []),
    "Your words stay in this browser for your next sign-in, unless you forget them now. On a computer of somebody else, do.",
  ];
  const answer = await ask("Sign out?", sentences.join(" "), [["keep", "Sign out"], ["forget", "Sign out and forget"], ["stay", "Cancel"]]);
  if (answer === "stay") return false;
  const whose = user()?.id ?? "";
  await stopped();
  if (answer === "forget") await forgetWords(whose);
  return true;
}

/** Ask once more, then delete the account and forget its words; whether it was done. Raises what the server refuses. */
export async function deleting(password) {
  const text = "This can't be undone. Minutes that are left and words kept in this browser are lost"
    + (conversation.running ? ", and your talk ends." : ".");
  if (await ask("Delete the account?", text, [["delete", "Delete for good"], ["stay", "Cancel"]]) !== "delete") return false;
  const whose = user()?.id ?? "";
  await stopped();
  await deleteAccount(password);
  await forgetWords(whose);
  return true;
}

async function forgetWords(whose) {
  await forget(...(await kept(whose).catch(() => [])).map(({ id }) => id)).catch(() => {});
}
