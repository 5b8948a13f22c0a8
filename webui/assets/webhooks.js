// Webhooks on the dashboard: whom to tell that recordings have ended, and what was sent there.

import { call, wording } from "./api.js";
import { ask } from "./asking.js";
import { again } from "./buying.js";
import { copyButton } from "./copying.js";
import { submits } from "./entry.js";
import { when } from "./format.js";
import { announce, make, part, tell } from "./page.js";

/** Make the part of the page work. */
export function webhooks(root) {
  const form = part(root, "new-webhook");
  const place = part(root, "webhooks-list");
  submits(form, part(form, "webhook-problem"), async () => {
    const made = await call("/api/v1/webhooks", { method: "POST", body: { url: form.elements.url.value.trim(), every: true } });
    form.reset();
    showSecret(part(root, "webhook-secret"), made);
    await list();
  });
  return list();

  async function list() {
    try {
      const all = await call("/api/v1/webhooks");
      place.replaceChildren(all.length
        ? make("ul", { class: "recordings-list" }, ...all.map((one) => entry(one, list)))
        : make("p", { class: "muted" }, "Nobody is told yet."));
    } catch (error) {
      place.replaceChildren(again(wording(error), list));
    }
  }
}

/** The one time that it is shown here. */
function showSecret(place, made) {
  const done = make("button", { type: "button", class: "quiet" }, "I have it");
  done.addEventListener("click", () => { place.replaceChildren(); place.hidden = true; });
  place.replaceChildren(
    make("p", { class: "notice" }, "Your program checks what comes with this secret. Copy it now: it is not shown on this page again."),
    make("p", {}, make("code", { class: "code", tabindex: "0" }, made.secret)),
    make("p", { class: "actions" }, copyButton("Copy", () => made.secret), done));
  place.hidden = false;
  place.querySelector("code").focus();
}

function entry(one, list) {
  const problem = make("p", { class: "notice bad", role: "alert", hidden: "" });
  const sent = make("div", {});
  const remove = make("button", { type: "button", class: "quiet", "aria-label": `Remove ${one.url}` }, "Remove…");
  remove.addEventListener("click", async () => {
    const sure = await ask(`Remove ${one.url}?`, "Nothing is sent there any more, also not what still waits.", [["remove", "Remove"], ["no", "Keep it"]]);
    if (sure !== "remove") return;
    try {
      await call(`/api/v1/webhooks/${one.id}`, { method: "DELETE" });
      announce(`${one.url} is removed.`);
      await list();
    } catch (error) {
      tell(problem, wording(error));
    }
  });
  const state = one.disabled_reason ? `off: ${one.disabled_reason}` : one.every ? "told of every recording" : "told of some";
  const details = make("details", {},
    make("summary", {}, make("span", { class: "recording-name" }, one.url), " ", make("span", { class: "muted" }, state)),
    sent, make("p", { class: "actions" }, remove), problem);
  details.addEventListener("toggle", () => { if (details.open) deliveries(one, sent); });
  return make("li", {}, details);
}

/** What was and will be sent there, newest first, a page at a time. */
async function deliveries(one, place, before = null) {
  if (!before) place.replaceChildren(make("p", { class: "muted" }, "Loading…"));
  try {
    const page = await call(`/api/v1/webhooks/${one.id}/deliveries${before ? `?before=${before}` : ""}`);
    const rows = page.deliveries.map((sending) => delivery(one, sending, () => deliveries(one, place)));
    if (!before) place.replaceChildren(rows.length ? make("ul", {}, ...rows) : make("p", { class: "muted" }, "Nothing was sent yet."));
    else place.querySelector("ul").append(...rows);
    place.querySelector("[data-older]")?.remove();
    if (page.next_before && rows.length) {
      const older = make("button", { type: "button", class: "quiet", "data-older": "" }, "Older ones");
      older.addEventListener("click", () => deliveries(one, place, page.next_before));
      place.append(older);
    }
  } catch (error) {
    place.replaceChildren(again(wording(error), () => deliveries(one, place)));
  }
}

function delivery(one, sending, look) {
  const problem = make("p", { class: "notice bad", role: "alert", hidden: "" });
  const button = make("button", { type: "button", class: "quiet" }, "Send again");
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await call(`/api/v1/webhooks/deliveries/${sending.id}/again`, { method: "POST" });
      announce("It is sent again in a moment.");
      await look();
    } catch (error) {
      button.disabled = false;
      tell(problem, wording(error));
    }
  });
  return make("li", {}, `${sending.event}, ${when(sending.created_at)}: `,
    make("span", { class: "muted" }, fate(sending)), " ", button, problem);
}

function fate({ attempts, delivered_at: delivered, next_at: next, problem, status }) {
  if (delivered) return `arrived ${when(delivered)}`;
  const why = problem ?? (status ? `answered ${status}` : "not sent yet");
  return next ? `${why}; tried ${attempts} times, again ${when(next)}` : `${why}; given up after ${attempts} times`;
}
