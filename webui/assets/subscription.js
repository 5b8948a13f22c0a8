// The plan on the account page: which one, what is left of it, and the ways to Stripe's pages to begin or change it.

import { call, wording } from "./api.js";
import { again } from "./buying.js";
import { amount, date, price } from "./format.js";
import { announce, make, part, tell } from "./page.js";
import { address } from "./tabs.js";

const NAMES = { free: "Free", pro: "Pro", payg: "Pay as you go" };
// Seconds between questions, for whom Stripe sent back: what was paid counts with the first, as a rule.
const WAITS = [0, 1, 2, 5, 10];

/** Fill the account page's card, where this server sells plans; `facts` are what it says of itself. */
export async function subscription(root, facts) {
  const card = part(root, "subscription");
  if ((await facts).sales === false) return;
  try {
    await back();
    const [own, offered] = await Promise.all([call("/account/plan"), call("/api/v1/stripe/subscription")]);
    const running = offered.subscriptions.find((one) => one.state === "running");
    card.hidden = !running && !offered.plans.length;
    part(root, "subscription-state").textContent = state(own, running);
    const ways = running ? [way("Manage", manage)] : offered.plans.map((one) => way(upgradeWords(one), () => upgrade(one)));
    part(root, "subscription-ways").replaceChildren(...ways);
  } catch (error) {
    card.hidden = false;
    part(root, "subscription-ways").replaceChildren(again(wording(error), () => subscription(root, facts)));
  }

  function way(words, go) {
    const button = make("button", { type: "button" }, words);
    button.addEventListener("click", async () => {
      const problem = part(root, "subscription-problem");
      tell(problem, "");
      button.disabled = true;
      try {
        location.assign(address(await go()));
      } catch (error) {
        tell(problem, wording(error));
        button.disabled = false;
      }
    });
    return button;
  }
}

/** Whoever comes back from paying: asked about until it is begun, so that the page shows what was paid for. */
async function back() {
  const sessionId = new URLSearchParams(location.search).get("session_id") ?? "";
  if (!/^cs_\w{1,250}$/.test(sessionId)) return;
  for (const wait of WAITS) {
    await new Promise((resolve) => { setTimeout(resolve, wait * 1000); });
    const { state: found } = await call(`/api/v1/stripe/checkouts/${sessionId}`);
    if (found !== "pending") break;
  }
  history.replaceState(history.state, "", location.pathname);
}

async function upgrade({ plan }) {
  announce("Going to the payment page.");
  return (await call("/api/v1/stripe/create-checkout", { method: "POST", body: { plan } })).checkout_url;
}

async function manage() {
  announce("Going to the page where you manage your subscription.");
  return (await call("/api/v1/stripe/create-portal", { method: "POST" })).portal_url;
}

/** "Upgrade to Pro: 1,000 minutes a month for $29.00" */
function upgradeWords(one) {
  return `Upgrade to ${named(one.plan)}: ${amount(one.seconds)} a month for ${price(one.price_cents, one.currency)}`;
}

function state({ plan, expiring }, running) {
  const left = expiring.filter((one) => one.plan === plan).reduce((sum, one) => sum + one.seconds_remaining, 0);
  const parts = [`You are on ${named(plan)}${left ? `, with ${amount(left)} left of it` : ""}.`];
  const until = running?.period_ends_at ? date(running.period_ends_at) : "";
  if (running?.status === "past_due") parts.push("The last payment failed: look at your card under Manage.");
  else if (running?.cancels) parts.push(`It ends on ${until}.`);
  else if (until) parts.push(`It renews on ${until}.`);
  return parts.join(" ");
}

function named(plan) {
  return NAMES[plan] ?? plan;
}
