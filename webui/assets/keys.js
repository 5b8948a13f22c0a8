// The page of keys: made, copied once, revoked.

import { call, wording } from "./api.js";
import { ask } from "./asking.js";
import { again } from "./buying.js";
import { copyButton } from "./copying.js";
import { submits } from "./entry.js";
import { date } from "./format.js";
import { announce, make, part, tell } from "./page.js";

const SCOPES = ["live", "batch", "read"];

/** Make the page work; `failed` is told what went wrong outside of the form. */
export async function keys(root, { failed }) {
  const form = part(root, "new-key");
  submits(form, part(form, "problem"), async () => {
    const { name, kind, expiry } = form.elements;
    const days = Number(expiry.value);
    const scopes = SCOPES.filter((scope) => form.elements[scope].checked);
    const body = { name: name.value.trim(), scopes, test: kind.value === "test", ...(days ? { expires_in_days: days } : {}) };
    const made = await call("/api/v1/keys", { method: "POST", body });
    form.reset();
    choose();
    showSecret(root, made);
    await list();
  });
  for (const scope of SCOPES) form.elements[scope].addEventListener("change", choose);
  choose();
  await list();

  // A key that is good for nothing is none.
  function choose() {
    const none = SCOPES.every((scope) => !form.elements[scope].checked);
    form.elements.live.setCustomValidity(none ? "none" : "");
  }

  async function list() {
    const place = part(root, "keys");
    try {
      const all = await call("/api/v1/keys");
      const [good, over] = [all.filter((key) => !ended(key)), all.filter(ended)];
      place.replaceChildren(good.length
        ? make("ul", { class: "packages" }, ...good.map((key) => entry(key, list)))
        : make("p", { class: "muted" }, "There is no key yet."), ...(over.length ? [past(over)] : []));
    } catch (error) {
      place.replaceChildren(again(wording(error), list));
      failed(error);
    } finally {
      place.removeAttribute("aria-busy");
    }
  }
}

/** The one time that it is shown. */
function showSecret(root, made) {
  const place = part(root, "secret");
  const text = make("code", { class: "code", tabindex: "0" }, made.key);
  const done = make("button", { type: "button", class: "quiet" }, "I have it");
  done.addEventListener("click", () => { place.replaceChildren(); place.hidden = true; });
  place.replaceChildren(
    make("h2", { id: "secret-title", tabindex: "-1" }, `Your key “${made.name}”`),
    make("p", { class: "notice" }, "Copy it now: it is not shown again. Keep it as you keep a password."),
    make("p", {}, text),
    make("p", { class: "actions" }, copyButton("Copy", () => made.key), done));
  place.hidden = false;
  place.querySelector("h2").focus();
}

function entry(key, list) {
  const problem = make("p", { class: "notice bad", role: "alert", hidden: "" });
  const revoke = make("button", { type: "button", class: "quiet", "aria-label": `Revoke ${key.name}` }, "Revoke…");
  revoke.addEventListener("click", async () => {
    const sure = await ask(`Revoke “${key.name}”?`, "Programs that use it are refused at once: live streams end, and recordings that have not ended are called off.", [["revoke", "Revoke"], ["no", "Keep it"]]);
    if (sure !== "revoke") return;
    try {
      await call(`/api/v1/keys/${key.id}`, { method: "DELETE" });
      announce(`${key.name} is revoked.`);
      await list();
    } catch (error) {
      tell(problem, wording(error));
    }
  });
  return make("li", { class: "package" }, make("p", {}, make("strong", {}, key.name), " ", make("code", {}, key.hint),
    make("span", { class: "muted fate" }, facts(key))), revoke, problem);
}

function past(over) {
  return make("details", {}, make("summary", {}, "Keys that are over"),
    make("ul", { class: "packages" }, ...over.map((key) => make("li", { class: "package" },
      make("p", {}, make("strong", {}, key.name), " ", make("code", {}, key.hint),
        make("span", { class: "muted fate" }, key.revoked_at ? `Revoked ${date(key.revoked_at)}.` : `Expired ${date(key.expires_at)}.`))))));
}

function facts(key) {
  return [`${key.test ? "Only pretends, good for" : "Good for"} ${key.scopes.join(", ")}`,
    key.last_used_at ? `last used ${date(key.last_used_at)}` : "never used",
    key.expires_at ? `expires ${date(key.expires_at)}` : "does not expire"].join("; ") + ".";
}

function ended(key) {
  return Boolean(key.revoked_at) || (key.expires_at && new Date(key.expires_at) <= new Date());
}
