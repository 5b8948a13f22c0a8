// The second factor on the account page: a key for an authenticator app, recovery codes, and an end to it.

import { call } from "./api.js";
import { submits } from "./entry.js";
import { part } from "./page.js";

const PATH = "/account/second-factor";

/** Make the section work. `me` is what /account/me says. */
export function factor(root, me) {
  const begin = part(root, "factor-begin");
  const confirm = part(root, "factor-confirm");
  const end = part(root, "factor-end");

  submits(begin, part(begin, "begin-problem"), async () => {
    const made = await call(PATH, { method: "POST", body: { password: begin.elements.password.value } });
    begin.reset();
    part(confirm, "secret").textContent = made.secret.match(/.{1,4}/g).join(" ");
    part(confirm, "qr").replaceChildren(picture(made.qr));
    begin.hidden = true;
    confirm.hidden = false;
    confirm.elements.code.focus();
  });
  submits(confirm, part(confirm, "confirm-problem"), async () => {
    const { recovery_codes: codes } = await call(`${PATH}/confirm`, { method: "POST", body: { code: confirm.elements.code.value } });
    part(root, "recovery-codes").textContent = codes.join("\n");
    part(root, "recovery").hidden = false;
    show(true);
    part(root, "recovery-codes").focus();
  });
  submits(end, part(end, "end-problem"), async () => {
    await call(PATH, { method: "DELETE", body: { password: end.elements.password.value, code: end.elements.code.value } });
    part(root, "recovery").hidden = true;
    show(false);
  });
  show(me.second_factor);

  function show(on) {
    for (const form of [begin, confirm, end]) form.reset();
    part(root, "factor-state").textContent = on
      ? "On: signing in takes a code of your authenticator app beside the password."
      : "Off: signing in takes the password alone. With it on, nobody gets in who only knows your password.";
    part(root, "factor-required").hidden = on || !me.second_factor_required;
    begin.hidden = on;
    confirm.hidden = true;
    end.hidden = !on || me.second_factor_required;
  }
}

// Our own server's drawing, as elements: never as markup of this page.
function picture(svg) {
  const drawn = new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
  drawn.setAttribute("role", "img");
  drawn.setAttribute("aria-label", "QR code for your authenticator app");
  return document.importNode(drawn, true);
}
