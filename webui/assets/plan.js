// The plan: what it gives, what is left of it, and when that runs out.

import { call } from "./api.js";
import { amount, count, date, minutes, price } from "./format.js";
import { make, part } from "./page.js";

const NAMES = { free: "Free", pro: "Pro", payg: "Pay as you go" };

/** Show it in a section that stays hidden where there is nothing to say; `facts` are what the server says of itself; `look()`, again and again, tells problems to `failed`. */
export function planning(section, { facts, failed }) {
  return {
    async look() {
      try {
        show(section, await call("/account/plan"));
        part(section, "plan-change").hidden = !(await facts).plans?.length;
      } catch (error) {
        failed(error);
      }
    },
  };
}

function show(section, { plan, plans, period_ends_at: ends, seconds_used: used, expiring }) {
  const own = plans.find((one) => one.name === plan);
  section.hidden = !own && !expiring.length;
  part(section, "plan-name").textContent = own ? NAMES[plan] : "Minutes that run out";
  part(section, "plan-left").replaceChildren(...expiring.map(left));
  part(section, "plan-used").textContent = own ? `${used < 1 ? "Nothing" : amount(used)} used since it began; this period ends on ${date(ends)}.` : "";
  part(section, "plan-gives").replaceChildren(...(own ? gives(own) : []).map((text) => make("li", {}, text)));
}

function left({ seconds_remaining: remaining, seconds_given: given, live, expires_at: expires }) {
  const scope = live ? "" : ", for recordings";
  return make("li", {}, `${minutes(remaining)} of ${minutes(given)} minutes${scope}, until `, make("time", { datetime: expires }, date(expires)));
}

function gives({ minutes_per_month: month, price_cents: cents, currency, models, formats, recordings_at_once: once, recordings_waiting: waiting, requests_per_minute: requests }) {
  return [
    month ? `${count(month, "minute")} a month${cents ? `, for ${price(cents, currency)}` : ""}` : "The minutes that you buy, which never run out",
    models ? `Recordings with ${models.join(", ")}` : "Recordings with every model",
    formats ? `Words as ${formats.join(", ")}` : "Words in every format",
    `${count(once, "recording")} at once, ${waiting.toLocaleString("en")} in the queue`,
    `${count(requests, "request")} a minute by programs`,
  ];
}
