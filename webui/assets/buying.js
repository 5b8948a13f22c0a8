// What is for sale, and the way to the payment page: beside a running talk, never in its place.

import { Refused, call, wording } from "./api.js";
import { conversation, watch } from "./conversation.js";
import { packageName, price, pricePerMinute } from "./format.js";
import { announce, make, part, tell } from "./page.js";
import { address, beside } from "./tabs.js";

const SOLD_BY_NOBODY = "Sales are off: this server doesn't sell minutes at present. Whoever runs it can give you some.";
// Still here after this, as when somebody came back: it can be tried again.
const GOING_MS = 8000;

/** Show the packages in a part of the page. `facts` are the server's. Returns a function that leaves it. */
export function buying(root, { facts }) {
  const place = part(root, "packages");
  const problem = part(root, "buy-problem");
  const leave = watch({ phase });
  phase();
  offers();
  return leave;

  function phase() {
    part(root, "buy-beside").hidden = !conversation.running || !root.querySelector(".package");
  }

  async function offers() {
    try {
      const [packages, about] = await Promise.all([call("/billing/packages", { signedIn: false }), facts]);
      if (about.sales === false || !packages.length) closed();
      else place.replaceChildren(make("ul", { class: "packages" }, ...packages.map(offer)));
      part(root, "seller").hidden = about.sales === false;
    } catch (error) {
      if (error instanceof Refused && error.status === 404) closed();
      else place.replaceChildren(again(wording(error), offers));
    } finally {
      place.removeAttribute("aria-busy");
      phase();
    }
  }

  function closed() {
    place.replaceChildren(make("p", { class: "notice" }, SOLD_BY_NOBODY));
  }

  function offer(one) {
    const name = packageName(one);
    const cost = price(one.price_cents, one.currency);
    const button = make("button", { type: "button", "aria-label": `Buy ${name} for ${cost}` }, "Buy");
    button.addEventListener("click", () => buy(one, button));
    return make("li", { class: "package" }, offerWords(one), button);
  }

  async function buy(one, button) {
    if (button.hasAttribute("aria-disabled")) return;
    const buttons = place.querySelectorAll("button");
    tell(problem, "");
    for (const other of buttons) other.setAttribute("aria-disabled", "true");
    try {
      if (conversation.running) await payBeside(one);
      else await pay(one);
      free();
    } catch (error) {
      free();
      if (error instanceof Refused && error.code === "sales_off") return void closed();
      tell(problem, wording(error));
      button.focus();
    }
    function free() {
      for (const other of buttons) other.removeAttribute("aria-disabled");
    }
  }

  async function payBeside(one) {
    announce("Going to the payment page, in a new tab.");
    await beside(() => checkout(one), { words: "Going to the payment page…", place: problem, link: "Open the payment page" });
  }

  async function pay(one) {
    announce("Going to the payment page.");
    location.assign(address(await checkout(one)));
    await new Promise((resolve) => { setTimeout(resolve, GOING_MS); });
  }
}

async function checkout({ id }) {
  return (await call("/billing/checkout", { method: "POST", body: { package_id: id } })).checkout_url;
}

/** "500 minutes for $5.99, 1.2 ¢ a minute" */
function offerWords(one) {
  return make("p", {},
    make("strong", {}, packageName(one)), ` for ${price(one.price_cents, one.currency)}, `,
    make("span", { class: "muted" }, `${pricePerMinute(one)} a minute`));
}

/** A part of the page that could not be loaded. */
export function again(text, retry) {
  const button = make("button", { type: "button", class: "quiet small" }, "Try again");
  button.addEventListener("click", () => { button.disabled = true; retry(); });
  return make("div", {}, make("p", { class: "notice bad" }, text), button);
}
