// The operator's page: what came in, what the engines took, what stays, and how things stand. Everything on one screen.

import { call, wording } from "./api.js";
import { chart } from "./chart.js";
import { count, minutes, price } from "./format.js";
import { make, part, tell } from "./page.js";

const DAYS = 30;
const LOOK_MS = 15_000;

/** Make the page work; it looks again now and then. `failed` is told what a page can't mend. Returns how to leave it. */
export function operator(root, { failed }) {
  const bars = chart(part(root, "days"));
  let left = false;
  let next = 0;
  look();
  return () => {
    left = true;
    clearTimeout(next);
    bars.leave();
  };

  async function look() {
    try {
      const seen = await call(`/operator/overview?days=${DAYS}`);
      if (left) return;
      tell(part(root, "problem"), "");
      show(seen);
    } catch (error) {
      if (left) return;
      tell(part(root, "problem"), wording(error));
      failed(error);
    } finally {
      for (const busy of root.querySelectorAll("[aria-busy]")) busy.removeAttribute("aria-busy");
    }
    if (!left) next = setTimeout(look, LOOK_MS);
  }

  function show(seen) {
    const money = (cents) => price(cents, seen.currency || "usd");
    facts(part(root, "money"), [
      ["Paid and kept", money(seen.kept_cents)],
      ["Stripe's fees", money(-seen.fee_cents)],
      ["Engines", money(-seen.engine_cents)],
      ["Stays", money(seen.margin_cents)],
    ]);
    const now = seen.present;
    facts(part(root, "now"), [
      ["Live streams", now.live_streams.toLocaleString("en")],
      ["Recordings waiting", `${now.recordings_waiting.toLocaleString("en")} (${minutes(now.waiting_audio_seconds)} min)`],
      ["Recordings under way", now.recordings_running.toLocaleString("en")],
      ["Users (new in a day)", `${now.users.toLocaleString("en")} (${now.users_new.toLocaleString("en")})`],
      ["Not used yet", `${minutes(now.unused_seconds)} min`],
    ]);
    part(root, "trouble").replaceChildren(...trouble(now));
    bars.show(days(seen));
    part(root, "engines").replaceChildren(seen.engines.length ? table(engines(seen.engines), money)
      : make("p", { class: "muted" }, "Nothing ended in these days."));
  }
}

function facts(list, pairs) {
  list.replaceChildren(...pairs.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}

function trouble({ engines_alone: alone, failures }) {
  const said = [
    ...alone.map((one) => `${one.engine} is left alone until ${new Date(one.until).toLocaleTimeString("en-GB")}: ${one.reason}`),
    ...Object.entries(failures).map(([reason, times]) => `${count(times, "failure")} in a day: ${reason.replaceAll("_", " ")}`),
  ];
  return said.length ? [make("ul", { class: "plain" }, ...said.map((words) => make("li", {}, words)))]
    : [make("p", { class: "muted" }, "Nothing failed in a day.")];
}

/** Every day of the month, also those without anything. */
function days({ engines: each, takings }) {
  const today = new Date(new Date().toISOString().slice(0, 10));
  const known = new Map();
  for (let ago = DAYS - 1; ago >= 0; ago--) {
    const date = new Date(today - ago * 86_400_000).toISOString().slice(0, 10);
    known.set(date, { date, seconds_used: 0, seconds_purchased: 0, seconds_expired: 0 });
  }
  for (const one of each) if (known.has(one.day)) known.get(one.day).seconds_used += one.audio_seconds;
  for (const one of takings) if (known.has(one.day)) known.get(one.day).seconds_purchased += one.sold_seconds;
  return [...known.values()];
}

/** All days of an engine and model together, the busiest first. */
function engines(each) {
  const known = new Map();
  for (const one of each) {
    const name = [one.engine || "none", one.model, one.kind === "live" ? "live" : "recordings"].join(" · ");
    const sum = known.get(name) ?? { name, ended: 0, failed: 0, seconds: 0, cents: 0 };
    sum.ended += one.ended;
    sum.failed += one.failed;
    sum.seconds += one.audio_seconds;
    sum.cents += one.engine_cents;
    known.set(name, sum);
  }
  return [...known.values()].sort((one, other) => other.seconds - one.seconds);
}

function table(sums, money) {
  const number = (text) => make("td", { class: "number" }, text);
  const head = (text, more = {}) => make("th", { scope: "col", ...more }, text);
  return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-labelledby": "engines-title" },
    make("table", {},
      make("thead", {}, make("tr", {}, head("Engine"), ...["Ended", "Failed", "Minutes", "Cost"].map((text) => head(text, { class: "number" })))),
      make("tbody", {}, ...sums.map((one) => make("tr", {}, make("th", { scope: "row" }, one.name),
        number(one.ended.toLocaleString("en")), number(one.failed.toLocaleString("en")), number(minutes(one.seconds)), number(money(one.cents)))))));
}
