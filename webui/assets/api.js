// Talking to the server: who is signed in, and what can go wrong on the way.
//
// The access token lives in this module's memory and nowhere else. What renews it is a cookie that no script can read.

/** The server can't be reached at all. */
export class Offline extends Error {}

/** The sign-in is over. */
export class SignedOut extends Error {}

/** The server said no, and why: `code` for programs, the message for people. */
export class Refused extends Error {
  constructor(status, code, message, retrySeconds) {
    super(message);
    Object.assign(this, { status, code, retrySeconds });
  }
}

// Renewed a little before it runs out: clocks differ and requests take time.
const EARLY_MS = 30_000;
const WAIT_MS = 20_000;

let access = null;
let renewing = null;
// Whether a sign-out is under way, and how many were begun.
let leaving = false;
let departures = 0;

/** Who is signed in, as far as this page knows. */
export function user() {
  return access?.user ?? null;
}

/** One request to our own server. Raises Offline, SignedOut or Refused. */
export async function call(path, { method = "GET", body, signedIn = true, signal } = {}) {
  const began = departures;
  let answer = await request(path, { method, body, signal, token: signedIn ? await token() : null });
  if (signedIn && answer.status === 401) {
    refused(began);
    answer = await request(path, { method, body, signal, token: await token() });
    if (answer.status === 401) throw new SignedOut();
  }
  return read(answer);
}

/** An answer that is read piece by piece. */
export async function open(path, signal) {
  const began = departures;
  const answer = await request(path, { token: await token(), signal, waits: false });
  if (answer.status === 401) {
    refused(began);
    await token();
    throw new Refused(401, "auth_failed", "Signed in anew.", 0);
  }
  if (!answer.ok) await read(answer);
  return answer.body;
}

/** Sign in or make an account: path is "login" or "register"; `code` is of an authenticator app. */
export async function enter(path, email, password, code = "") {
  return keep(await call(`/session/${path}`, { method: "POST", body: { email, password, ...(code ? { code } : {}) }, signedIn: false }));
}

/** Change the password; this browser's sign-in goes on as a new one. */
export async function changePassword(password, next) {
  return keep(await call("/session/password", { method: "POST", body: { password, new_password: next } }));
}

/** Delete the account; this browser's sign-in has ended with it, and its cookie goes too. */
export async function deleteAccount(password) {
  await call("/account", { method: "DELETE", body: { password } });
  // A cookie that stays opens nothing any more.
  await leave().catch(() => {});
}

/** Sign out here, or everywhere. */
export async function leave(everywhere = false) {
  departures += 1;
  leaving = true;
  try {
    if (everywhere) await call("/session/logout-everywhere", { method: "POST" });
    else await call("/session/logout", { method: "POST", signedIn: false });
    access = null;
  } finally {
    leaving = false;
  }
}

// What was asked before one left, or while one leaves, brings no sign-in back.
function refused(began) {
  access = null;
  if (leaving || began !== departures) throw new SignedOut();
}

/** Forget the token, not the cookie. */
export function forget() {
  access = null;
}

/** An access token that is good for some time. */
export async function token() {
  if (access && access.until - Date.now() > EARLY_MS) return access.token;
  renewing ??= renew().finally(() => { renewing = null; });
  return (await renewing).token;
}

async function renew() {
  // One tab at a time: each renewal replaces the cookie.
  const ask = async () => {
    const answer = await request("/session/refresh", { method: "POST" });
    if (answer.status === 401) throw new SignedOut();
    return keep(await read(answer));
  };
  return navigator.locks ? navigator.locks.request("relayd-renewal", ask) : ask();
}

function keep(signedIn) {
  access = { token: signedIn.token, user: signedIn.user, until: Date.now() + signedIn.expires_in * 1000 };
  return access;
}

async function request(path, { method = "GET", body, token: bearer = null, signal, waits = true } = {}) {
  const headers = {};
  if (bearer) headers.Authorization = `Bearer ${bearer}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const limit = waits ? AbortSignal.timeout(WAIT_MS) : null;
  const both = signal && limit && AbortSignal.any ? AbortSignal.any([signal, limit]) : signal ?? limit ?? undefined;
  try {
    return await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal: both, cache: "no-store" });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Offline();
  }
}

async function read(answer) {
  let said = null;
  try {
    said = await answer.json();
  } catch {
    // A proxy's page in place of our answer: nobody is behind it.
    throw answer.status >= 500 || answer.ok ? new Offline() : new Refused(answer.status, "refused", "The server refused this.", 0);
  }
  if (answer.ok) return said;
  const wait = Number(answer.headers.get("Retry-After")) || 0;
  throw new Refused(answer.status, said.error?.code ?? "refused", said.error?.message ?? "The server refused this.", wait);
}

/** What went wrong, for a person. */
export function wording(error) {
  if (error instanceof Offline) return "The server can't be reached. Check your network, or try again in a moment.";
  if (error instanceof SignedOut) return "Your sign-in has ended. Sign in again.";
  if (error instanceof Refused && error.code === "rate_limited") return `Too many attempts. Try again in ${pause(error.retrySeconds)}.`;
  if (error instanceof Refused && error.code === "too_many_guesses") return `Too many wrong passwords or codes for this account. Try again in ${pause(error.retrySeconds)}.`;
  if (error instanceof Refused && error.code === "payments_unavailable") return error.message;
  if (error instanceof Refused && error.status >= 500) return "The server has a problem of its own right now. Try again in a moment.";
  if (error instanceof Refused) return error.message;
  return "Something unexpected went wrong in this page. Reload it.";
}

function pause(seconds) {
  return seconds > 120 ? `${Math.ceil(seconds / 60)} minutes` : `${seconds} seconds`;
}
