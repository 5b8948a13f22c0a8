// The account page: address and password, signing out everywhere, and deleting the account.

import { call, changePassword, leave, wording } from "./api.js";
import { stopped } from "./conversation.js";
import { submits } from "./entry.js";
import { factor } from "./factor.js";
import { date } from "./format.js";
import { mayEnd } from "./leaving.js";
import { part, tell } from "./page.js";
import { purchases } from "./purchases.js";
import { deleting } from "./signing-out.js";

/** Make the page work. `facts` are the server's; `failed` is told what went wrong outside of forms, `out` that all sign-ins are over. */
export async function account(root, { facts, failed, out }) {
  const form = part(root, "password");
  const done = part(root, "done");
  submits(form, part(form, "problem"), async () => {
    done.hidden = true;
    if (!await mayEnd("Changing the password ends every sign-in of before, and your talk with it.")) return;
    await changePassword(form.elements.password.value, form.elements.new_password.value);
    form.reset();
    done.hidden = false;
  });

  const sure = part(root, "sure");
  part(root, "everywhere").addEventListener("click", () => { sure.returnValue = ""; sure.showModal(); });
  sure.addEventListener("close", async () => {
    if (sure.returnValue !== "yes") return;
    try {
      await stopped();
      await leave(true);
      out();
    } catch (error) {
      tell(part(root, "everywhere-problem"), wording(error));
    }
  });

  const deletion = part(root, "deletion");
  submits(deletion, part(deletion, "deletion-problem"), async () => {
    if (await deleting(deletion.elements.password.value)) location.replace("/");
  });

  const moving = part(root, "move");
  submits(moving, part(moving, "move-problem"), async () => {
    const email = moving.elements.email.value.trim();
    tell(part(moving, "moved"), "");
    await call("/account/address", { method: "POST", body: { email, password: moving.elements.password.value } });
    moving.reset();
    tell(part(moving, "moved"), `A mail is on its way to ${email}. Open its link within three days.`);
  });
  const proof = part(root, "proof");
  proof.addEventListener("click", async () => {
    tell(part(root, "proof-problem"), "");
    proof.disabled = true;
    try {
      await call("/account/address/proof", { method: "POST" });
      proof.textContent = "The link is on its way";
    } catch (error) {
      proof.disabled = false;
      tell(part(root, "proof-problem"), wording(error));
    }
  });

  import("./subscription.js").then(({ subscription }) => subscription(root, facts)).catch(failed);
  purchases(root, facts);
  try {
    const me = await call("/account/me");
    const { mail } = await facts;
    part(root, "address").hidden = !mail;
    part(root, "unproven").hidden = me.email_proven;
    part(root, "operator").hidden = !me.operator;
    factor(root, me);
    part(root, "email").textContent = me.email;
    part(root, "since").textContent = date(me.created_at);
    form.elements.username.value = me.email;
  } catch (error) {
    failed(error);
  }
}
