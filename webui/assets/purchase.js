// Back from the payment: what became of it, asked until it is settled or a minute has passed.

import { Refused, call, wording } from "./api.js";
import { amount } from "./format.js";
import { part } from "./page.js";
import { openReceipt } from "./purchases.js";
import { GUEST, MEMBER } from "./verdicts.js";
import { claimed } from "./words.js";

// Seconds between questions: most payments are settled before the first.
const WAITS = [1, 1, 1, 2, 3, 5, 5, 10, 10, 10, 10];

const HEADLINES = {
  paid: ["good", "✓", "Paid"],
  pending: ["", "…", "Not settled yet"],
  failed: ["bad", "!", "The payment failed"],
  expired: ["bad", "!", "The payment was not finished"],
  unknown: ["bad", "?", "Not found"],
  trouble: ["bad", "!", "Can't be looked up right now"],
};

/**
 * Show it: to a member who is signed in and sees their own purchases, or to a guest who paid from an app. `failed` gets the
 * errors that concern the whole page. Returns a function that stops asking.
 */
export function purchase(root, sessionId, { member, failed }) {
  const said = member ? MEMBER : GUEST;
  const path = `/billing/purchases/${sessionId}${member ? "" : "/summary"}`;
  const again = part(root, "again");
  let round = 0;
  again.addEventListener("click", look);
  part(root, "receipt").addEventListener("click", () => openReceipt(sessionId, part(root, "receipt-problem")));
  look();
  talkElsewhere(root);
  return () => { round += 1; };

  async function look() {
    const mine = ++round;
    again.hidden = true;
    for (const wait of [...WAITS, null]) {
      const state = await ask(wait !== null);
      if (mine !== round) return;
      if (state !== "pending" || wait === null) return;
      await new Promise((resolve) => { setTimeout(resolve, wait * 1000); });
      if (mine !== round) return;
    }
  }

  // `looking`: whether this page asks again by itself.
  async function ask(looking) {
    if (!/^[\w-]{1,255}$/.test(sessionId)) return verdict("unknown", said.nameless());
    try {
      const found = await call(path, { signedIn: member });
      again.hidden = found.status !== "pending";
      const balance = member && found.status === "paid" ? await left() : "";
      return verdict(found.status, said[found.status](found, looking) + balance);
    } catch (error) {
      if (error instanceof Refused && [404, 422].includes(error.status)) return verdict("unknown", said.unknown());
      failed(error);
      again.hidden = false;
      return verdict("trouble", `${wording(error)} A purchase that was paid is not lost: its minutes are added in any case.`);
    }
  }

  async function left() {
    try {
      return ` You have ${amount((await call("/billing/balance")).seconds_remaining)} now.`;
    } catch {
      return "";
    }
  }

  function verdict(name, words) {
    const [kind, sign, headline] = HEADLINES[name];
    part(root, "sign").className = `mark-sign ${kind}`;
    part(root, "sign").textContent = sign;
    if (part(root, "headline").textContent !== headline) part(root, "headline").textContent = headline;
    part(root, "words").textContent = words;
    part(root, "receipt").hidden = !member || name !== "paid";
    return name;
  }
}

/** Whoever bought beside a talk is told that it goes on there. */
export async function talkElsewhere(root) {
  part(root, "elsewhere").hidden = !(await claimed()).length;
}
