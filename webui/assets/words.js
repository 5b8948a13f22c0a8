// The words of talks, kept in this browser for the account they belong to: IndexedDB, because the server keeps none.
//
// A talk is {id, user, began, changed, seconds, opening, loose}: times in milliseconds, the audio heard in seconds, its
// first words, and words that were not final when last seen. Its pieces are {text, start, end, words, breaks, loose},
// in seconds of its audio; `breaks` begins a paragraph, `loose` was never made final.

const NAME = "relayd-words";
const TALKS_MAX = 100;
const CLAIM = "relayd-talk ";

let opened = null;

/** Keep a talk as it stands, and a piece that was added to it. Raises what the browser says where it keeps nothing. */
export async function keep(talk, piece = null) {
  await change((talks, pieces) => {
    talks.put(talk);
    if (piece) pieces.add({ ...piece, talk: talk.id });
  });
}

/** An account's talks, newest first. */
export async function kept(user) {
  const found = await ask("talks", (talks) => talks.index("user").getAll(user));
  return found.sort((one, other) => other.changed - one.changed);
}

/** What was said in a talk. */
export async function said(id) {
  return ask("pieces", (pieces) => pieces.index("talk").getAll(id));
}

/** Forget talks, by their ids. */
export async function forget(...ids) {
  await change((talks, pieces) => {
    for (const id of ids) {
      talks.delete(id);
      const found = pieces.index("talk").openKeyCursor(id);
      found.onsuccess = () => {
        if (!found.result) return;
        pieces.delete(found.result.primaryKey);
        found.result.continue();
      };
    }
  });
}

/** Forget an account's oldest talks where there are more than a hundred. */
export async function prune(user) {
  const old = (await kept(user)).slice(TALKS_MAX);
  if (old.length) await forget(...old.map(({ id }) => id));
}

/** Have a talk for this tab alone until the returned function is called; null where another tab has it. */
export function claim(id) {
  return new Promise((resolve) => {
    navigator.locks.request(CLAIM + id, { ifAvailable: true }, (lock) => (lock ? new Promise((release) => { resolve(release); }) : resolve(null)));
  });
}

/** The talks that go on right now, in whatever tab. */
export async function claimed() {
  const { held } = await navigator.locks.query();
  return held.filter(({ name }) => name.startsWith(CLAIM)).map(({ name }) => name.slice(CLAIM.length));
}

async function change(act) {
  const store = await database();
  await new Promise((resolve, reject) => {
    const transaction = store.transaction(["talks", "pieces"], "readwrite");
    transaction.oncomplete = resolve;
    transaction.onabort = () => reject(transaction.error);
    act(transaction.objectStore("talks"), transaction.objectStore("pieces"));
  });
}

async function ask(name, question) {
  const store = await database();
  return new Promise((resolve, reject) => {
    const request = question(store.transaction(name).objectStore(name));
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function database() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("talks", { keyPath: "id" }).createIndex("user", "user");
      request.result.createObjectStore("pieces", { autoIncrement: true }).createIndex("talk", "talk");
    };
    request.onsuccess = () => {
      // A later version of this page may have another form of it, and the browser may take it back.
      const forgotten = () => { opened = null; };
      request.result.onversionchange = () => { request.result.close(); forgotten(); };
      request.result.onclose = forgotten;
      resolve(request.result);
    };
    request.onerror = () => reject(request.error);
  });
  return opened;
}
