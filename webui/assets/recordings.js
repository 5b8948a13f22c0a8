// Recordings handed in whole: dropped here, watched, read, copied, saved, deleted.

import { Refused, SignedOut, call, open, token, wording } from "./api.js";
import { ask } from "./asking.js";
import { copyButton } from "./copying.js";
import { length, when } from "./format.js";
import { announce, make, part, tell } from "./page.js";
import { save } from "./transcript.js";

const LISTED = 10;
// Between two looks while something is under way.
const LOOK_MS = 1500;
const OVER = ["completed", "failed", "cancelled"];
const SAID = { completed: "Done", failed: "Failed", cancelled: "Called off" };

/** Make the part of the page work; what comes back leaves it. `over`: the sign-in has ended. */
export function recordings(root, { over }) {
  const input = part(root, "file");
  const area = part(root, "drop");
  const list = part(root, "recordings-list");
  const rows = new Map();
  let timer = 0;
  let left = false;
  input.addEventListener("change", () => take([...input.files]));
  for (const name of ["dragover", "dragleave", "drop"]) area.addEventListener(name, (event) => {
    event.preventDefault();
    area.classList.toggle("over", name === "dragover");
    if (name === "drop") take([...event.dataTransfer.files]);
  });
  const hooks = part(root, "webhooks");
  hooks.addEventListener("toggle", async () => {
    // Few look here: nobody else need fetch it.
    const { webhooks } = await import("./webhooks.js");
    webhooks(root);
  }, { once: true });
  look();
  return () => {
    left = true;
    clearTimeout(timer);
  };

  async function look() {
    clearTimeout(timer);
    if (left) return;
    try {
      const { transcriptions } = await call(`/api/v1/transcriptions?limit=${LISTED}`);
      if (left) return;
      root.hidden = false;
      show(transcriptions);
      if (transcriptions.some(({ status }) => !OVER.includes(status))) timer = setTimeout(look, LOOK_MS);
    } catch (error) {
      if (left) return;
      // A server that takes none, or one that is away: then the rest of the page says so.
      if (error instanceof SignedOut) over();
      else if (!(error instanceof Refused)) timer = setTimeout(look, 4 * LOOK_MS);
    }
  }

  function show(all) {
    for (const [id, row] of rows) if (!all.some((one) => one.id === id)) { row.made.remove(); rows.delete(id); }
    for (const one of [...all].reverse()) {
      const known = rows.get(one.id);
      if (known) known.told(one);
      else {
        const row = entry(one, { again: look });
        rows.set(one.id, row);
        list.prepend(row.made);
      }
    }
    part(root, "recordings-none").hidden = all.length > 0;
  }

  async function take(files) {
    tell(part(root, "recordings-problem"), "");
    for (const file of files) {
      const bar = make("progress", { max: "1", value: "0", "aria-label": `Sending ${file.name}` });
      const sending = make("li", {}, make("span", { class: "recording-name" }, file.name), bar);
      list.prepend(sending);
      try {
        await send(file, (share) => { bar.value = share; });
        announce(`${file.name} was sent.`);
      } catch (error) {
        if (error instanceof SignedOut) return over();
        tell(part(root, "recordings-problem"), `${file.name}: ${wording(error)}`);
      } finally {
        sending.remove();
      }
      await look();
    }
    input.value = "";
  }
}

/** Send a file as a form; `told` hears how much of it is out. */
async function send(file, told) {
  const bearer = await token();
  const body = new FormData();
  body.append("file", file);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", "/api/v1/transcribe");
    request.setRequestHeader("Authorization", `Bearer ${bearer}`);
    request.responseType = "json";
    request.upload.addEventListener("progress", ({ loaded, total }) => told(total ? loaded / total : 0));
    request.addEventListener("error", () => reject(new Refused(0, "not_sent", "It could not be sent. Check your network and try again.", 0)));
    request.addEventListener("load", () => {
      const { error } = request.response ?? {};
      if (request.status === 202) resolve(request.response);
      else reject(new Refused(0, error?.code ?? "refused", error?.message ?? "The server refused this.", 0));
    });
    request.send(body);
  });
}

function entry(first, { again }) {
  let job = first;
  const state = make("span", { class: "muted", role: "status" });
  const bar = make("progress", { max: "100", "aria-label": "How much is done" });
  const words = make("div", {});
  const tools = make("div", { class: "actions" });
  const details = make("details", {}, make("summary", {}, make("span", { class: "recording-name" }, first.name || "Recording"), " ", state), bar, words, tools);
  const stem = (first.name || "recording").replace(/\.[^.]*$/, "");
  const text = async () => (await call(`/api/v1/result/${job.id}?format=json`)).text;
  const written = async (format) => new Response(await open(`/api/v1/result/${job.id}?format=${format}`)).text();
  const problem = make("p", { class: "notice bad", role: "alert", hidden: "" });
  details.append(problem);
  details.addEventListener("toggle", read);
  told(first);
  return { made: make("li", {}, details), told };

  function told(one) {
    const changed = one.status !== job.status || one === first;
    job = one;
    state.textContent = standing(one);
    bar.hidden = OVER.includes(one.status);
    bar.value = one.progress_percent;
    if (!changed) return;
    tools.replaceChildren(...(one.status === "completed"
      ? [copyButton("Copy", text), button("Save as text", async () => save(`${stem}.txt`, await written("txt"))), button("Save as subtitles", async () => save(`${stem}.srt`, await written("srt")))]
      : []), ...(OVER.includes(one.status) ? [] : [button("Call off", callOff)]), button("Delete", remove));
    if (one !== first && one.status === "completed") announce(`${one.name} is done.`);
    read();
  }

  async function read() {
    if (!details.open || job.status !== "completed" || words.childElementCount) return;
    await guarded(async () => words.replaceChildren(make("p", { class: "recording-words" }, await text() || "Nothing was said.")));
  }

  async function callOff() {
    await call(`/api/v1/transcribe/${job.id}`, { method: "DELETE" });
    await again();
  }

  async function remove() {
    const sure = await ask("Delete this recording?", "Its audio and words are removed for good. What it cost stays spent.", [["delete", "Delete"], ["no", "Keep it"]]);
    if (sure !== "delete") return;
    await call(`/api/v1/transcriptions/${job.id}`, { method: "DELETE" });
    announce("Deleted");
    await again();
  }

  function button(label, act) {
    const made = make("button", { type: "button", class: "quiet" }, label);
    made.addEventListener("click", () => guarded(act));
    return made;
  }

  async function guarded(act) {
    try {
      tell(problem, "");
      await act();
    } catch (error) {
      tell(problem, wording(error));
    }
  }
}

/** How it stands, in words. */
function standing(one) {
  if (one.status === "processing") return `${Math.round(one.progress_percent)} % done`;
  if (one.status === "queued") return one.position ? `Waiting, number ${one.position}` : "Waiting";
  if (one.status === "failed" && one.error) return `${SAID.failed}: ${one.error.message}`;
  const cost = one.status === "completed" && one.cost_seconds ? `, ${length(one.cost_seconds)}` : "";
  return `${SAID[one.status]}${cost}, ${when(one.created_at)}`;
}
