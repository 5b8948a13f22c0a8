// What every page has: its parts by name, and what is shown in header and footer.

/** The one element with this data attribute. */
export function part(root, name) {
  return root.querySelector(`[data-${name}]`);
}

/** A new element. `attributes` are set as they are; children are elements or text, never markup. */
export function make(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Show a text in an element that is hidden while it has none. */
export function tell(element, text) {
  element.textContent = text;
  element.hidden = !text;
}

/** Said once by screen readers, seen by nobody. */
export function announce(text) {
  const announcer = part(document, "announcer");
  if (announcer) announcer.textContent = text;
}

/** Whether this browser has a sign-in: its cookie is hidden from scripts, a second one says so. */
export function mayBeSignedIn() {
  return /(^|; )__Host-relayd-hint=1(;|$)/.test(document.cookie);
}

/** Links for whoever is signed in, or for who isn't. */
export function showMember(signedIn) {
  for (const one of document.querySelectorAll("[data-member]")) one.hidden = !signedIn;
  for (const one of document.querySelectorAll("[data-visitor]")) one.hidden = signedIn;
}

/** What the server says about itself; {} where it can't be asked. */
export async function facts() {
  try {
    const answer = await fetch("/", { headers: { Accept: "application/json" }, cache: "no-store" });
    return answer.ok ? await answer.json() : {};
  } catch {
    return {};
  }
}

/** The footer. */
export function showFacts({ version, repository_url: repository, seller, mail }) {
  if (version) part(document, "version").textContent = `relayd ${version}`;
  if (repository && /^https?:\/\//.test(repository)) {
    const link = part(document, "repository");
    link.href = repository;
    link.hidden = false;
  }
  showSeller(document, seller, mail);
}

/** Who sells, under what terms, and whom to ask, in the parts of a page that say so. */
export function showSeller(root, { name = "", contact = "", terms_url: terms = "", privacy_url: privacy = "" } = {}, mail = false) {
  const links = [away(terms, "Terms"), away(privacy, "Privacy"), reach(contact, "Contact")].filter(Boolean);
  for (const place of root.querySelectorAll("[data-seller]")) {
    place.replaceChildren(...(name ? [make("span", {}, `Sold by ${name}${name.endsWith(".") ? "" : "."}`)] : []), ...links.map((link) => link.cloneNode(true)));
  }
  for (const place of root.querySelectorAll("[data-seller-links]")) {
    place.replaceChildren(...(name ? [make("span", {}, name)] : []), ...links.map((link) => link.cloneNode(true)));
  }
  for (const place of root.querySelectorAll("[data-help]")) {
    place.replaceChildren("Forgotten the password? ", ...(mail ? [make("a", { href: "/forgotten" }, "Choose a new one"), "."] : contact
      ? ["Ask ", reach(contact, name || "whoever runs this server"), ...(contact.includes("@") ? [` (${contact})`] : []), " for a new one."]
      : ["Ask whoever runs this server for a new one."]));
  }
  for (const place of root.querySelectorAll("[data-consent]")) {
    const what = [away(terms, "the terms"), away(privacy, "the privacy notice")].filter(Boolean);
    place.hidden = !what.length;
    place.replaceChildren("By creating an account you accept ", ...what.flatMap((link, index) => (index ? [" and ", link] : [link])), ".");
  }
}

function away(url, words) {
  return /^https?:\/\//.test(url) ? make("a", { href: url, target: "_blank", rel: "noopener" }, words) : null;
}

/** An email address or a page. */
function reach(contact, words) {
  return contact.includes("@") && !contact.includes("/") ? make("a", { href: `mailto:${contact}` }, words) : away(contact, words);
}
