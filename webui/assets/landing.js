// The first page: prices, and a way in that fits who comes.

import { packageName, price, pricePerMinute } from "./format.js";
import { facts, make, mayBeSignedIn, part, showFacts, showMember } from "./page.js";

showMember(mayBeSignedIn());

const prices = part(document, "prices");
const [about, offers] = await Promise.all([facts(), packages()]);
showFacts(about);
part(document, "seller").hidden = about.sales === false;
prices.removeAttribute("aria-busy");
if (offers === null) {
  prices.replaceChildren(make("p", { class: "muted" }, "Prices can't be loaded right now. Reload the page in a moment."));
} else if (!offers.length) {
  prices.replaceChildren(make("p", { class: "muted" }, "Nothing is for sale here. Whoever runs this server can give you minutes."));
} else {
  prices.replaceChildren(make("ul", { class: "offers" }, ...offers.map(offer)), make("p", { class: "muted" }, about.sales === false
    ? "Minutes are not sold here at present. Whoever runs this server can give you some."
    : "One payment for each pack, by card or what else your country offers. No subscription."));
}

function offer(one) {
  return make("li", { class: "card offer" },
    make("h3", {}, packageName(one)),
    make("p", { class: "price" }, price(one.price_cents, one.currency)),
    make("p", { class: "muted" }, `${pricePerMinute(one)} a minute`));
}

async function packages() {
  try {
    const answer = await fetch("/billing/packages");
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}
