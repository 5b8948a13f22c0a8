// Bars for the days of a month: drawn in the size at hand, with a table that says the same.

import { day, minutes } from "./format.js";
import { make } from "./page.js";

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 180;
const ROOM = { top: 14, right: 2, bottom: 24, left: 34 };

/** A chart in an element: `show(days)`, again and again, days being [{date, seconds_used, seconds_purchased, seconds_expired}]; `leave()`. */
export function chart(place) {
  const summary = make("p", { class: "total" });
  const picture = make("div", {});
  const rows = make("tbody", {});
  const observer = new ResizeObserver(() => draw());
  let draw = () => {};
  return {
    show(days) {
      const total = days.reduce((sum, one) => sum + one.seconds_used, 0);
      if (!total) return void place.replaceChildren(make("p", { class: "muted" }, "Nothing used yet. Each day will have a bar here."));
      const expired = days.reduce((sum, one) => sum + one.seconds_expired, 0);
      summary.textContent = `${minutes(total)} minutes used in all${expired ? `, ${minutes(expired)} ran out` : ""}`;
      rows.replaceChildren(...(days.toReversed?.() ?? [...days].reverse()).map(row));
      draw = () => picture.replaceChildren(drawing(days, picture.clientWidth || 600, total));
      if (!picture.isConnected) {
        place.className = "chart";
        // What stays, stays as it is: somebody may be in the middle of the table.
        place.replaceChildren(summary, picture, table(rows));
        observer.observe(picture);
      }
      draw();
    },
    leave: () => observer.disconnect(),
  };
}

function drawing(days, width, total) {
  const top = scale(Math.max(...days.map((one) => one.seconds_used)) / 60);
  const svg = element("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img" });
  svg.setAttribute("aria-label", `Bar chart of minutes used a day, ${day(days[0].date)} to ${day(days.at(-1).date)}, ${minutes(total)} minutes in all. The table below has the same numbers.`);
  const high = HEIGHT - ROOM.top - ROOM.bottom;
  for (const share of [0, 0.5, 1]) {
    const y = Math.round(ROOM.top + high * (1 - share)) + 0.5;
    svg.append(element("line", { class: "grid", x1: ROOM.left, x2: width, y1: y, y2: y }));
    const said = top * share;
    svg.append(label(ROOM.left - 6, y + 4, "end", said.toLocaleString(undefined, { maximumFractionDigits: 1 })));
  }
  const step = (width - ROOM.left - ROOM.right) / days.length;
  days.forEach((one, index) => {
    const used = one.seconds_used / 60;
    // A day with anything has a bar that can be seen.
    const tall = used ? Math.max(2, (high * used) / top) : 1;
    const bar = element("rect", {
      class: used ? "bar" : "bar none",
      x: ROOM.left + index * step + step * 0.15,
      width: Math.max(1, step * 0.7),
      y: ROOM.top + high - tall,
      height: tall,
      rx: Math.min(3, step * 0.2, tall / 2),
    });
    const title = element("title", {});
    title.textContent = `${day(one.date)}: ${minutes(one.seconds_used)} minutes`;
    bar.append(title);
    svg.append(bar);
  });
  const last = days.length - 1;
  svg.append(label(ROOM.left, HEIGHT - 6, "start", day(days[0].date)));
  if (width > 420) svg.append(label(ROOM.left + step * (Math.floor(last / 2) + 0.5), HEIGHT - 6, "middle", day(days[Math.floor(last / 2)].date)));
  svg.append(label(width - ROOM.right, HEIGHT - 6, "end", "Today"));
  return svg;
}

/** The next round number: 1, 2 or 5 times a power of ten. */
function scale(most) {
  if (most <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 5, 10].map((one) => one * power).find((one) => one >= most);
}

function table(rows) {
  return make("details", {}, make("summary", {}, "Show as a table"),
    make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Minutes used a day" },
      make("table", {},
        make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "Day (UTC)"), make("th", { scope: "col", class: "number" }, "Minutes used"), make("th", { scope: "col", class: "number" }, "Minutes added"))),
        rows)));
}

function row(one) {
  return make("tr", {}, make("th", { scope: "row" }, day(one.date)), make("td", { class: "number" }, minutes(one.seconds_used)), make("td", { class: "number" }, minutes(one.seconds_purchased)));
}

function element(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function label(x, y, anchor, said) {
  const made = element("text", { x, y, "text-anchor": anchor });
  made.textContent = said;
  return made;
}
