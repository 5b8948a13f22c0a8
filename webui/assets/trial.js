// One operation tried out: a form, a request to this very server, what it answers.

import { make } from "./page.js";

// Of a long answer the beginning, of a stream the end. Only the document of this very page is longer.
const SHOWN_CHARACTERS = 20_000;
// What browsers set themselves, and no script may.
const FORBIDDEN = /^(sec-|cookie$|host$)/i;

/** The form, and what stops a stream that nobody looks at. `one` is an operation of the document, with its path and method. */
export function trial(one) {
  const inputs = (one.parameters ?? []).filter(({ name }) => !FORBIDDEN.test(name)).map((parameter) => ({
    // What may be left out is left out until somebody writes something.
    ...parameter, input: make("input", { value: parameter.required ? parameter.schema.examples?.[0] ?? "" : "", autocomplete: "off" }),
  }));
  const bodies = Object.entries(one.requestBody?.content ?? {});
  // What takes a form with a file too is tried with JSON.
  const [type, media] = bodies.find(([name]) => name === "application/json") ?? bodies[0] ?? [];
  const body = media && make("textarea", { rows: "6", spellcheck: "false" });
  if (body) body.value = JSON.stringify(media.example, null, 2);
  const status = make("p", { role: "status" });
  const answer = make("pre", { hidden: "" });
  const form = make("form", { class: "trial" },
    make("h3", {}, "Try it"),
    ...inputs.map(({ name, input }) => make("label", {}, name, input)),
    ...(body ? [make("label", {}, "Body", body)] : []),
    make("button", { type: "submit", class: "small" }, "Send"),
    status, answer);
  let running = null;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    running?.abort();
    const mine = running = new AbortController();
    status.textContent = "Waiting…";
    answer.hidden = true;
    try {
      const reply = await fetch(address(one.path, inputs), {
        method: one.method, headers: headers(one, inputs, type), body: body?.value, cache: "no-store", signal: mine.signal,
      });
      status.textContent = `${reply.status} ${reply.statusText}`;
      await read(reply, answer, Object.keys(one.responses[reply.status]?.headers ?? {}));
    } catch {
      if (mine === running) status.textContent = "No answer. The server can't be reached, or this can't be sent.";
    }
  });
  const stop = () => {
    running?.abort();
    running = null;
  };
  return { form, stop };
}

function address(path, inputs) {
  const query = new URLSearchParams();
  for (const { name, in: where, input } of inputs) {
    if (where === "path") path = path.replace(`{${name}}`, encodeURIComponent(input.value));
    if (where === "query" && input.value) query.set(name, input.value);
  }
  return query.size ? `${path}?${query}` : path;
}

function headers(one, inputs, type) {
  const made = new Headers(type ? { "Content-Type": type } : {});
  const token = document.getElementById("token").value.trim();
  if (token && one.security.some((scheme) => "bearer" in scheme)) made.set("Authorization", `Bearer ${token}`);
  for (const { name, in: where, input } of inputs) if (where === "header" && input.value) made.set(name, input.value);
  return made;
}

/** Show the answer as it comes: streams too. Of its headers those that are about it, not those about every answer. */
async function read(reply, place, named) {
  const told = ["Content-Type", ...named].map((name) => `${name}: ${reply.headers.get(name)}`).join("\n");
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  place.hidden = false;
  place.textContent = told;
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    text += piece.value;
    place.textContent = `${told}\n\n${text.slice(-SHOWN_CHARACTERS)}`;
  }
  if (!/^application\/json/.test(reply.headers.get("Content-Type") ?? "")) return;
  const said = JSON.parse(text);
  place.textContent = `${told}\n\n${JSON.stringify(said, null, 2).slice(0, SHOWN_CHARACTERS)}`;
  if (typeof said.token === "string") document.getElementById("token").value = said.token;
}
