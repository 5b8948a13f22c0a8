// The dashboard: what is left, what is for sale, what was used, and a place to talk and to hand recordings in.

import { Offline, SignedOut, call, wording } from "./api.js";
import { again, buying } from "./buying.js";
import { chart } from "./chart.js";
import { topUp } from "./conversation.js";
import { ending } from "./endings.js";
import { length, split, spoken, when } from "./format.js";
import { follow } from "./live.js";
import { announce, make, part } from "./page.js";
import { planning } from "./plan.js";
import { recordings } from "./recordings.js";
import { talking } from "./talking.js";
import { warn } from "./warning.js";

const LOW_SECONDS = 300;
const FROZEN = "A payment for this account is disputed. Its minutes can't be used until that is decided.";
// After a session the books are closed a moment later than the last word is heard.
const SETTLED_MS = 700;
// While somebody talks the chart is asked for anew at this pace; its bars are of minutes.
const USAGE_MS = 15_000;

/** Make the page work. `lost`, `found`: whether the server answers; `over`: the sign-in is over. */
export function dashboard(root, { facts, lost, found, over }) {
  let before = null;
  let usageAt = 0;
  let left = false;
  const bars = chart(part(root, "chart"));
  const following = follow({ told, lost: () => lost(following.retry), found, over });
  const plan = planning(part(root, "plan"), { facts, failed: (error) => left || troubled(error, usage) });
  const leaveTalk = talking(part(root, "talk"), { ended: () => setTimeout(usage, SETTLED_MS) });
  const leaveBuying = buying(root, { facts });
  const leaveRecordings = recordings(part(root, "recordings"), { over });
  usage();

  return () => {
    left = true;
    following.stop();
    leaveTalk();
    leaveBuying();
    leaveRecordings();
    bars.leave();
  };

  function told(credit) {
    const seconds = credit.seconds_remaining;
    const figure = split(seconds);
    part(root, "minutes").textContent = Number(figure.minutes).toLocaleString("en");
    part(root, "seconds").textContent = `:${figure.seconds}`;
    part(root, "figure-words").textContent = spoken(seconds);
    part(root, "figure").removeAttribute("aria-busy");
    part(root, "balance").classList.toggle("live", Boolean(credit.live));
    part(root, "state-words").textContent = credit.live ? "In use right now" : "Not in use";
    warn("frozen", credit.frozen ? FROZEN : "");
    warn("low", lowWords(seconds));
    if (before && seconds > before.seconds_remaining) topUp();
    if (before) speak(before, credit);
    if (before?.live && !credit.live || credit.live && Date.now() - usageAt > USAGE_MS) usage();
    before = credit;
  }

  function lowWords(seconds) {
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
    if (left) return;
    const [days, sessions] = [part(root, "chart"), part(root, "sessions")];
    usageAt = Date.now();
    plan.look();
    try {
      const used = await call("/account/usage");
      if (left) return;
      found();
      bars.show(used.days);
      sessions.replaceChildren(used.sessions.length ? table(used.sessions) : make("p", { class: "muted" }, "You have not talked yet. Your sessions will be listed here: when, how long, and how each ended."));
    } catch (error) {
      if (left || troubled(error, usage)) return;
      for (const one of [days, sessions]) one.replaceChildren(again(wording(error), usage));
    } finally {
      for (const one of [days, sessions]) one.removeAttribute("aria-busy");
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
