// Back from the payment: what became of it, asked until it is settled or a minute has passed.

import { Refused, call, wording } from "./api.js";
import { amount } from "./format.js";
import { part } from "./page.js";
import { openReceipt } from "./purchases.js";
import { claimed } from "./words.js";

// Seconds between questions: most payments are settled before the first.
const WAITS = [1, 1, 1, 2, 3, 5, 5, 10, 10, 10, 10];

const VERDICTS = {
  paid: ["good", "✓", "Paid"],
  pending: ["", "…", "Not settled yet"],
  failed: ["bad", "!", "The payment failed"],
  expired: ["bad", "!", "The payment was not finished"],
  unknown: ["bad", "?", "Not found"],
  trouble: ["bad", "!", "Can't be looked up right now"],
};

/** Show it. `failed` gets the errors that concern the whole page. Returns a function that stops asking. */
export function purchase(root, sessionId, failed) {
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
      const state = await ask();
      if (mine !== round) return;
      if (state !== "pending" || wait === null) return;
      await new Promise((resolve) => { setTimeout(resolve, wait * 1000); });
      if (mine !== round) return;
    }
  }

  async function ask() {
    if (!/^[\w-]{1,255}$/.test(sessionId)) return verdict("unknown", "The address of this page lacks the number of a purchase. Your dashboard shows what you have.");
    try {
      const found = await call(`/billing/purchases/${sessionId}`);
      await show(found);
      return found.status;
    } catch (error) {
      if (error instanceof Refused && [404, 422].includes(error.status)) return verdict("unknown", "This account has no such purchase. If you bought with another account, sign in with that one.");
      failed(error);
      again.hidden = false;
      return verdict("trouble", `${wording(error)} A purchase that was paid is not lost: its minutes are added in any case.`);
    }
  }

  async function show({ status, seconds }) {
    if (status === "paid") return verdict("paid", `${amount(seconds)} were added.${await left()}`);
    again.hidden = status !== "pending";
    if (status === "pending") return verdict("pending", "Some ways of paying take a while, a bank transfer even days. You needn't wait here: the minutes are added by themselves as soon as the money is there.");
    if (status === "failed") return verdict("failed", "No minutes were added, and nothing should have been charged. You can try again from the dashboard, perhaps another way.");
    return verdict("expired", "It was open for too long. Nothing was charged. You can start again from the dashboard.");
  }

  async function left() {
    try {
      return ` You have ${amount((await call("/billing/balance")).seconds_remaining)} now.`;
    } catch {
      return "";
    }
  }

  function verdict(name, words) {
    const [kind, sign, headline] = VERDICTS[name];
    part(root, "sign").className = `mark-sign ${kind}`;
    part(root, "sign").textContent = sign;
    if (part(root, "headline").textContent !== headline) part(root, "headline").textContent = headline;
    part(root, "words").textContent = words;
    part(root, "receipt").hidden = name !== "paid";
    return name;
  }
}

/** Whoever bought beside a talk is told that it goes on there. */
export async function talkElsewhere(root) {
  part(root, "elsewhere").hidden = !(await claimed()).length;
}
