// The page /docs: /openapi.json for people. It knows the parts of OpenAPI that our document has, and no others.

import { showExamples } from "./examples.js";
import { facts, make, mayBeSignedIn, part, showFacts, showMember } from "./page.js";
import { trial } from "./trial.js";

const place = part(document, "operations");
showMember(mayBeSignedIn());
part(document, "stream").textContent = `${location.origin.replace("http", "ws")}/ws/transcribe`;
const [about, description] = await Promise.all([facts(), load(), showExamples()]);
showFacts(about);
place.removeAttribute("aria-busy");
if (description) show(description);
else place.replaceChildren(make("p", { class: "notice bad" }, "The description can't be loaded right now. Reload the page in a moment."));

async function load() {
  try {
    const answer = await fetch("/openapi.json", { cache: "no-store" });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

function show({ info, tags, paths, components }) {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, one]) => ({ ...one, path, method: method.toUpperCase() })));
  const book = { components, byId: new Map(operations.map((one) => [one.operationId, one])) };
  part(document, "about").replaceChildren(...prose(info.description));
  part(document, "chapters").replaceChildren(...tags.map(({ name }) => make("a", { href: `#${name}` }, name)));
  place.replaceChildren(...tags.map(({ name, description: what }) => make("section", { "aria-labelledby": name },
    make("h2", { id: name }, name),
    make("p", { class: "muted" }, ...phrases(what)),
    ...operations.filter((one) => one.tags.includes(name)).map((one) => operation(book, one)))));
  addEventListener("hashchange", follow);
  follow();
}

/** An address with the name of an operation shows that one opened. */
function follow() {
  const named = location.hash && document.getElementById(location.hash.slice(1));
  if (!named) return;
  if (named instanceof HTMLDetailsElement) named.open = true;
  named.scrollIntoView();
}

function operation(book, one) {
  const body = one.requestBody;
  const { form, stop } = trial(one);
  const made = make("details", { id: one.operationId, class: "card operation" },
    make("summary", {},
      make("span", { class: "method" }, one.method), " ",
      make("code", {}, ...breakable(one.path)), " ",
      make("span", { class: "muted" }, ...phrases(one.summary))),
    ...prose(one.description ?? ""),
    make("p", {}, ...phrases(access(book, one.security))),
    ...(one.parameters ? [make("h3", {}, "Parameters"), parameters(book, one.parameters)] : []),
    ...(body ? [make("h3", {}, body.required ? "Body" : "Body, if any"), ...contents(book, body.content)] : []),
    make("h3", {}, "Answers"),
    make("dl", { class: "answers" }, ...Object.entries(one.responses).flatMap(([status, answer]) =>
      [make("dt", {}, status), make("dd", {}, ...said(book, answer))])),
    form);
  made.addEventListener("toggle", () => {
    if (made.open) history.replaceState(null, "", `#${made.id}`);
    else stop();
  });
  return made;
}

/** Who may ask, in words. */
function access(book, security) {
  if (!security.length) return "Open to everybody.";
  const means = security.flatMap((one) => Object.keys(one)).map((name) => {
    const scheme = book.components.securitySchemes[name];
    return scheme.type === "http" ? "an access token, in `Authorization: Bearer`" : `the cookie \`${scheme.name}\``;
  });
  const needed = security.every((one) => Object.keys(one).length);
  return `${needed ? "Needs" : "Takes, if given,"} ${means.join(" or ")}.`;
}

function parameters(book, all) {
  return make("ul", { class: "fields" }, ...all.map(({ name, in: where, required, schema }) => field(name, `in the ${where}, ${kind(schema)}${required ? "" : ", optional"}`, schema.description)));
}

/** What goes in or comes out: its fields beside an example. */
function contents(book, content) {
  return Object.entries(content).map(([type, { schema, example }]) => make("div", { class: "content" },
    make("ul", { class: "fields" }, ...rows(book, schema, "")),
    make("div", {}, make("p", { class: "hint" }, type), make("pre", {}, JSON.stringify(example, null, 2)))));
}

function said(book, { description: what, headers = {}, content = {}, links = {} }) {
  const refusals = Object.values(content).flatMap(({ examples = {} }) => Object.values(examples).map(({ value }) => value.error));
  return [
    ...(refusals.length
      ? refusals.map(({ code, message }) => make("p", {}, make("code", {}, code), " ", message))
      : [make("p", {}, ...phrases(what)), ...contents(book, content)]),
    ...Object.entries(headers).map(([name, header]) => make("p", { class: "hint" }, make("code", {}, name), " ", header.description)),
    ...Object.values(links).map(({ operationId }) => {
      const next = book.byId.get(operationId);
      return make("p", { class: "hint" }, "Goes on with ", make("a", { href: `#${operationId}` }, ...breakable(`${next.method} ${next.path}`)));
    }),
  ];
}

/** A schema's fields, those within others by their way there: user.id, days[].date. */
function rows(book, schema, way) {
  // Of another form or nothing: the form.
  const meant = schema.anyOf?.[0] ?? schema;
  const known = meant.$ref ? book.components.schemas[meant.$ref.split("/").pop()] : meant;
  if (known.type === "array") {
    return [...(way ? [field(way, kind(known), known.description)] : []), ...rows(book, known.items, `${way}[]`)];
  }
  if (!known.properties) return [field(way, kind(known), known.description)];
  return Object.entries(known.properties).flatMap(([name, inner]) => {
    const made = rows(book, inner, way ? `${way}.${name}` : name);
    if (!known.required.includes(name)) part(made[0], "kind").append(", optional");
    return made;
  });
}

function field(name, what, description) {
  return make("li", {},
    make("code", {}, ...breakable(name)), " ", make("span", { class: "muted", "data-kind": "" }, what),
    make("br"), ...phrases(description ?? ""));
}

/** A schema's type and limits, in words. */
function kind(schema) {
  if ("const" in schema) return `always ${JSON.stringify(schema.const)}`;
  if (schema.enum?.length === 1) return `always ${schema.enum[0]}`;
  if (schema.enum) return `one of ${schema.enum.filter((one) => one !== null).join(", ")}`;
  const { minimum, maximum, minLength, maxLength, minItems, maxItems, multipleOf } = schema;
  return [
    schema.format ? `${[schema.type].flat().join(" or ")} (${schema.format})` : [schema.type].flat().join(" or "),
    ...(minimum === undefined ? [] : [`${minimum} or more`]),
    ...(maximum === undefined ? [] : [`${maximum} at most`]),
    ...(minLength === undefined ? [] : [`${minLength} or more characters`]),
    ...(maxLength === undefined ? [] : [`at most ${maxLength} characters`]),
    ...(multipleOf === undefined ? [] : [`in steps of ${multipleOf}`]),
    ...(minItems === undefined ? [] : [`${minItems} or more`]),
    ...(maxItems === undefined ? [] : [`at most ${maxItems}`]),
  ].join(", ");
}

function prose(text) {
  return text.split(/\n{2,}/).filter(Boolean).map((one) => make("p", {}, ...phrases(one)));
}

/** Text with its `code` marked. */
function phrases(text) {
  return text.split("`").map((piece, index) => (index % 2 ? make("code", {}, ...breakable(piece)) : piece));
}

/** A long name that may go on in the next line after its joints. */
function breakable(text) {
  return text.split(/(?<=[/._])/).flatMap((piece, index) => (index ? [make("wbr"), piece] : [piece]));
}
