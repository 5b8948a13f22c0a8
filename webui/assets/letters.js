// What the links in mails lead to, and asking for such a mail.

import { call, forget, wording } from "./api.js";
import { submits } from "./entry.js";
import { part, tell } from "./page.js";

/** Have a link to a new password sent. */
export function forgotten(root) {
  const form = root.querySelector("form");
  submits(form, part(root, "problem"), async () => {
    const email = form.elements.email.value.trim();
    await call("/auth/password/forgotten", { method: "POST", body: { email }, signedIn: false });
    form.hidden = true;
    part(root, "words").hidden = true;
    tell(part(root, "done"), `If ${email} has an account here, a mail is on its way. Its link works for 30 minutes. Look among unwanted mails too.`);
  });
}

/** Choose a new password by the link that led here. `done` is told what to say on the sign-in page. */
export function reset(root, done) {
  const form = root.querySelector("form");
  const token = taken();
  submits(form, part(root, "problem"), async () => {
    await call("/auth/password/reset", { method: "POST", body: { token, new_password: form.elements.new_password.value }, signedIn: false });
    forget();
    done("Your password was changed. Sign in with the new one.");
  });
}

/** Prove the address that the link which led here was sent to. */
export async function proof(root) {
  const words = part(root, "words");
  try {
    const { email } = await call("/auth/address/prove", { method: "POST", body: { token: taken() }, signedIn: false });
    words.textContent = `Thank you: ${email} is confirmed.`;
  } catch (error) {
    words.textContent = wording(error);
  }
}

// Out of the address bar and the history: it works once, but nobody needs to see it.
function taken() {
  const token = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
  return token;
}
