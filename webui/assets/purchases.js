// What one has bought, with Stripe's receipts.

import { call, wording } from "./api.js";
import { again } from "./buying.js";
import { date, packageName, price } from "./format.js";
import { announce, make, part, tell } from "./page.js";
import { beside } from "./tabs.js";

const STATES = { paid: "Paid", pending: "Not settled yet", failed: "The payment failed" };

/** Fill the account page's list, where this server sells; `facts` are what it says of itself. */
export async function purchases(root, facts) {
  const place = part(root, "purchases");
  part(root, "bought").hidden = (await facts).sales === false;
  if (part(root, "bought").hidden) return;
  try {
    const bought = (await call("/billing/purchases")).filter(({ status }) => status in STATES);
    place.replaceChildren(bought.length
      ? make("ul", { class: "packages" }, ...bought.map((one) => entry(root, one)))
      : make("p", { class: "muted" }, "You have not bought anything yet. What you buy stands here, with its receipt."));
  } catch (error) {
    place.replaceChildren(again(wording(error), () => purchases(root, facts)));
  } finally {
    place.removeAttribute("aria-busy");
  }
}

/** Open a receipt in a new tab; what goes wrong is said in `problem`. */
export async function openReceipt(sessionId, problem) {
  tell(problem, "");
  announce("The receipt opens in a new tab.");
  try {
    await beside(async () => (await call(`/billing/purchases/${sessionId}/receipt`)).receipt_url,
      { words: "Looking for the receipt…", place: problem, link: "Open the receipt" });
  } catch (error) {
    tell(problem, wording(error));
  }
}

function entry(root, one) {
  const receipt = make("button", { type: "button", class: "quiet", "aria-label": `Receipt of ${packageName(one)}, ${date(one.created_at)}` }, "Receipt");
  receipt.addEventListener("click", () => openReceipt(one.checkout_session_id, part(root, "receipt-problem")));
  return make("li", { class: "package" },
    make("p", {}, make("strong", {}, packageName(one)), ` for ${price(one.price_cents, one.currency)}`,
      make("span", { class: "muted fate" }, make("time", { datetime: one.created_at }, date(one.created_at)), `. ${state(one)}.`)),
    ...(one.status === "paid" ? [receipt] : []));
}

function state({ status, disputed, seconds, seconds_taken_back: back }) {
  if (disputed) return "Paid, and disputed";
  if (back) return back >= seconds ? "Paid, and refunded" : "Paid, and refunded in part";
  return STATES[status];
}
