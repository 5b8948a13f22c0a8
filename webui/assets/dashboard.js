// The dashboard: what is left, what is for sale, what was used, and a place to talk.

import { Offline, Refused, SignedOut, call, wording } from "./api.js";
import { chart } from "./chart.js";
import { ending } from "./endings.js";
import { length, price, pricePerMinute, split, spoken, when } from "./format.js";
import { follow } from "./live.js";
import { announce, make, part, tell } from "./page.js";
import { talking } from "./talking.js";

const LOW_SECONDS = 300;
// After a session the books are closed a moment later than the last word is heard.
const SETTLED_MS = 700;

/** Make the page work. `lost`, `found`: whether the server answers; `over`: the sign-in is over. */
export function dashboard(root, { facts, lost, found, over }) {
  let before = null;
  let leaveChart = () => {};
  const following = follow({ told, lost: () => lost(following.retry), found, over });
  const leaveTalk = talking(part(root, "talk"), { ended: () => setTimeout(usage, SETTLED_MS), over });
  usage();
  offers();

  return () => {
    following.stop();
    leaveTalk();
    leaveChart();
  };

  function told(credit) {
    const seconds = credit.seconds_remaining;
    const figure = split(seconds);
    part(root, "minutes").textContent = Number(figure.minutes).toLocaleString();
    part(root, "seconds").textContent = `:${figure.seconds}`;
    part(root, "figure-words").textContent = spoken(seconds);
    part(root, "figure").removeAttribute("aria-busy");
    part(root, "balance").classList.toggle("live", Boolean(credit.live));
    part(root, "state-words").textContent = credit.live ? "In use right now" : "Not in use";
    part(root, "frozen").hidden = !credit.frozen;
    tell(part(root, "low"), lowWords(seconds, Boolean(credit.frozen)));
    if (before) speak(before, credit);
    if (before?.live && !credit.live) usage();
    before = credit;
  }

  function lowWords(seconds, frozen) {
    if (frozen) return "";
    if (seconds < 1) return "You have no minutes. Buy some to talk.";
    return seconds < LOW_SECONDS ? "Less than five minutes are left." : "";
  }

  // Figures that tick would never let a screen reader finish: it hears what changes the situation.
  function speak(old, credit) {
    if (credit.seconds_remaining > old.seconds_remaining) announce(`Minutes were added. ${spoken(credit.seconds_remaining)} left.`);
    else if (old.live && !credit.live) announce(`${spoken(credit.seconds_remaining)} left.`);
    else if (old.seconds_remaining >= LOW_SECONDS && credit.seconds_remaining < LOW_SECONDS) announce("Less than five minutes are left.");
  }

  async function usage() {
    const [days, sessions] = [part(root, "chart"), part(root, "sessions")];
    try {
      const used = await call("/account/usage");
      found();
      leaveChart();
      leaveChart = chart(days, used.days);
      sessions.replaceChildren(used.sessions.length ? table(used.sessions) : make("p", { class: "muted" }, "You have not talked yet. When you have, it stands here: when, how long, and how it ended."));
    } catch (error) {
      if (troubled(error, usage)) return;
      for (const one of [days, sessions]) one.replaceChildren(again(wording(error), usage));
    } finally {
      for (const one of [days, sessions]) one.removeAttribute("aria-busy");
    }
  }

  async function offers() {
    const place = part(root, "packages");
    try {
      const [packages, about] = await Promise.all([call("/billing/packages", { signedIn: false }), facts]);
      if (about.sales === false || !packages.length) closed(place);
      else place.replaceChildren(make("ul", { class: "packages" }, ...packages.map(offer)));
    } catch (error) {
      if (error instanceof Refused && error.status === 404) closed(place);
      else place.replaceChildren(again(wording(error), offers));
    } finally {
      place.removeAttribute("aria-busy");
    }
  }

  function closed(place) {
    place.replaceChildren(make("p", { class: "notice" }, "Sales are off: this server doesn't sell minutes at present. Whoever runs it can give you some."));
  }

  function offer(one) {
    const button = make("button", { type: "button", "aria-label": `Buy ${one.label} for ${price(one.price_cents, one.currency)}` }, price(one.price_cents, one.currency));
    button.addEventListener("click", () => buy(one, button));
    return make("li", { class: "package" }, make("strong", {}, one.label), make("span", { class: "muted" }, `${pricePerMinute(one)} a minute`), button);
  }

  async function buy(one, button) {
    const problem = part(root, "buy-problem");
    const buttons = root.querySelectorAll("[data-packages] button");
    tell(problem, "");
    for (const other of buttons) other.disabled = true;
    announce("Going to the payment page.");
    try {
      const { checkout_url: url } = await call("/billing/checkout", { method: "POST", body: { package_id: one.id } });
      if (!/^https?:\/\//.test(url)) throw new Error("no address to go to");
      location.assign(url);
      // Still here after a while, as when somebody came back: it can be tried again.
      setTimeout(free, 8000);
    } catch (error) {
      free();
      if (error instanceof Refused && error.code === "sales_off") return void closed(part(root, "packages"));
      tell(problem, wording(error));
      button.focus();
    }
    function free() {
      for (const other of buttons) other.disabled = false;
    }
  }

  function troubled(error, retry) {
    if (error instanceof SignedOut) {
      over();
      return true;
    }
    if (error instanceof Offline) lost(retry);
    return false;
  }
}

// With roles written out: on narrow screens its rows are stacked, and what is no table to CSS would be none to a screen reader.
function table(sessions) {
  const head = (text, more = {}) => make("th", { scope: "col", role: "columnheader", ...more }, text);
  return make("table", { role: "table", "aria-labelledby": "sessions-title" },
    make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, head("When"), head("How it ended"), head("Used", { class: "number" }))),
    make("tbody", { role: "rowgroup" }, ...sessions.map((one) => make("tr", { role: "row" },
      make("th", { scope: "row", role: "rowheader" }, make("time", { datetime: one.started_at }, when(one.started_at))),
      make("td", { role: "cell" }, ending(one.reason)),
      make("td", { role: "cell", class: "number" }, length(one.seconds_used))))));
}

/** A part of the page that could not be loaded. */
function again(text, retry) {
  const button = make("button", { type: "button", class: "quiet small" }, "Try again");
  button.addEventListener("click", () => { button.disabled = true; retry(); });
  return make("div", {}, make("p", { class: "notice bad" }, text), button);
}
