// One document, several pages: which one is shown, whether one must be signed in for it, and what all of them share.

import { Offline, SignedOut, forget, leave, token, user, wording } from "./api.js";
import { account } from "./account.js";
import { clear, conversation, watch } from "./conversation.js";
import { dashboard } from "./dashboard.js";
import { entry } from "./entry.js";
import { forgotten, proof, reset } from "./letters.js";
import { leaveFor } from "./leaving.js";
import { facts, make, mayBeSignedIn, part, showFacts, showMember, showSeller, tell } from "./page.js";
import { purchase, talkElsewhere } from "./purchase.js";
import { signingOut } from "./signing-out.js";
import { talkbar } from "./talkbar.js";
import { showWarnings, warn } from "./warning.js";

const PAGES = {
  "/signin": { title: "Sign in", template: "signin", show: signIn },
  "/register": { title: "Create an account", template: "register", show: (root) => entry(root, "register", () => go("/dashboard")) },
  "/forgotten": { title: "Forgotten password", template: "forgotten", show: (root) => { forgotten(root); } },
  "/reset": { title: "Choose a new password", template: "reset", show: (root) => { reset(root, (words) => { reason = words; go("/signin", { replace: true }); }); } },
  "/proof": { title: "Your email address", template: "proof", show: (root) => { proof(root); } },
  "/dashboard": { title: "Dashboard", template: "dashboard", member: true, show: (root) => dashboard(root, { facts: about, lost, found, over }) },
  "/keys": { title: "Keys", template: "keys", member: true, show: (root) => lazily(import("./keys.js"), ({ keys }) => { keys(root, { failed }); }) },
  "/account": { title: "Account", template: "account", member: true, show: (root) => { account(root, { facts: about, failed, out: () => signedOut("You are signed out everywhere.") }); } },
  "/operator": { title: "The server", template: "operator", member: true, show: (root) => lazily(import("./operator.js"), ({ operator }) => operator(root, { failed })) },
  "/billing/success": { title: "Your purchase", template: "success", member: true, guests: true, show: bought },
  "/billing/cancel": { title: "Nothing was bought", template: "cancel", show: (root) => { talkElsewhere(root); } },
};

const main = document.querySelector("main");
const about = facts();
const showBar = talkbar(part(document, "bar"), document.getElementById("talkbar"));
let leavePage = () => {};
let showing = 0;
let retry = null;
let signingOff = false;
// Said on the sign-in page, and where to go from there.
let reason = "";
let next = "/dashboard";

part(document, "insecure").hidden = isSecureContext;
about.then(showFacts);
part(document, "sign-out").addEventListener("click", signOut);
part(document, "banner-retry").addEventListener("click", () => { (retry ?? (() => location.reload()))(); });
document.addEventListener("click", follow);
addEventListener("popstate", () => show());
addEventListener("offline", () => lost());
watch({ ended: (why) => { if (["auth_failed", "auth_revoked"].includes(why)) over(); } });
show({ first: true });

/** Go to one of our pages without loading the document again. */
function go(path, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", path);
  show();
}

function follow(event) {
  const link = event.target.closest?.("a[href]");
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const url = new URL(link.href);
  if (link.target || link.hasAttribute("download") || /^(mailto|tel|blob):$/.test(url.protocol)) return;
  if (url.origin === location.origin && PAGES[url.pathname]) {
    event.preventDefault();
    // To a part of the page that is shown.
    if (url.hash && url.pathname === location.pathname) document.querySelector(url.hash)?.focus();
    else go(url.pathname + url.search);
  } else if (conversation.running) {
    event.preventDefault();
    leaveFor(url);
  }
}

async function show({ first = false } = {}) {
  const mine = ++showing;
  const page = PAGES[location.pathname.replace(/\/$/, "")] ?? PAGES["/dashboard"];
  leavePage();
  leavePage = () => {};
  found();
  // Apps send people here to pay, in a browser that may know nobody.
  const guest = Boolean(page.guests) && !mayBeSignedIn() && !user();
  if (page.member && !guest) {
    const before = mayBeSignedIn();
    try {
      if (!before && !user()) throw new SignedOut();
      await token();
    } catch (error) {
      if (mine !== showing) return;
      if (error instanceof SignedOut) return void over(before ? undefined : "");
      return void stuck(error);
    }
    if (mine !== showing) return;
  }
  document.title = `${page.title} · relayd`;
  // Of this page alone: what is still under way for one that was left finds its parts, and shows nobody.
  const root = make("div");
  root.append(document.getElementById(page.template).content.cloneNode(true));
  main.replaceChildren(root);
  showMember((page.member && !guest) || mayBeSignedIn());
  for (const link of document.querySelectorAll(".top nav a")) {
    if (link.pathname === location.pathname) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  leavePage = page.show(root, { guest }) ?? (() => {});
  about.then((said) => showSeller(root, said.seller, said.mail));
  showBar();
  showWarnings();
  if (first) return;
  scrollTo(0, 0);
  main.querySelector("h1").focus({ preventScroll: true });
}

/** A page that few people see comes with a file of its own, once it is wanted. */
function lazily(module, begin) {
  let leaveLoaded = null;
  let left = false;
  module.then((loaded) => { if (!left) leaveLoaded = begin(loaded); }, () => lost(() => location.reload()));
  return () => {
    left = true;
    leaveLoaded?.();
  };
}

function signIn(root) {
  tell(part(root, "reason"), reason);
  reason = "";
  entry(root, "login", () => {
    const path = next;
    next = "/dashboard";
    go(path, { replace: true });
  });
}

function bought(root, { guest }) {
  return purchase(root, new URLSearchParams(location.search).get("session_id") ?? "", { member: !guest, failed });
}

/** The sign-in is over: to the sign-in page, and back from there. */
function over(words = "Your sign-in has ended. Sign in again.") {
  if (signingOff) return;
  forget();
  next = location.pathname + location.search;
  reason = words;
  go("/signin", { replace: true });
}

function signedOut(words) {
  forget();
  clear();
  warn("talk", "");
  next = "/dashboard";
  reason = words;
  go("/signin");
}

async function signOut() {
  if (!await signingOut()) return;
  signingOff = true;
  try {
    await leave();
  } catch (error) {
    // The cookie is still there: saying that one is signed out would not be true.
    return void failed(error, signOut);
  } finally {
    signingOff = false;
  }
  signedOut("You are signed out.");
}

/** The first question already found nobody. */
function stuck(error) {
  if (error instanceof Offline) lost(() => show());
  const button = make("button", { type: "button" }, "Try again");
  button.addEventListener("click", () => show());
  main.replaceChildren(make("section", { class: "card entry" },
    make("h1", { tabindex: "-1" }, "This page can't be shown right now"),
    make("p", {}, wording(error)),
    make("p", { class: "actions" }, button)));
}

function failed(error, again = null) {
  if (error instanceof SignedOut) over();
  else if (error instanceof Offline) lost(again);
}

function lost(again = null) {
  retry = again;
  warn("unreachable", "The server can't be reached. What you see may be old.");
}

function found() {
  warn("unreachable", "");
  retry = null;
}
