// The balance as it changes: server-sent events, read with fetch so that the token stays out of the address.

import { Offline, Refused, SignedOut, call, open } from "./api.js";

// The server says something every 15 seconds; after this it is taken for gone.
const SILENCE_MS = 40_000;
const LONGEST_WAIT_MS = 15_000;
const ENDED_WAIT_MS = 1_500;

/**
 * Follow the balance until the returned function is called. `told` gets {seconds_remaining, live, …}; `lost` is
 * told that the server can't be reached, `found` that it can; `over` that the sign-in has ended.
 */
export function follow({ told, lost, found, over }) {
  let stopped = false;
  let current = new AbortController();
  let wake = () => {};
  let ended = false;

  const visibility = () => {
    if (document.hidden) current.abort();
    wake();
  };
  document.addEventListener("visibilitychange", visibility);
  addEventListener("online", visibility);
  run();

  return {
    stop() {
      stopped = true;
      document.removeEventListener("visibilitychange", visibility);
      removeEventListener("online", visibility);
      current.abort();
      wake();
    },
    retry: () => wake(),
  };

  async function run() {
    let failures = 0;
    while (!stopped) {
      if (document.hidden) {
        // Nobody sees it: the connection is given back.
        await sleep(2 ** 31 - 1);
        continue;
      }
      try {
        await once((data) => { failures = 0; found(); told(data); });
      } catch (error) {
        if (stopped) return;
        if (error instanceof SignedOut) return over();
        if (document.hidden) continue;
        failures += 1;
        if (error instanceof Refused && error.status === 429) await balance();
        else if (failures > 1 || error instanceof Offline) lost();
        await sleep(Math.min(500 * 2 ** failures, LONGEST_WAIT_MS));
        continue;
      }
      // It ended in order, as it does within a minute; or the sign-in is over, or the server is being restarted.
      await sleep(ended ? ENDED_WAIT_MS : 250);
    }
  }

  async function once(each) {
    current = new AbortController();
    ended = false;
    const { signal } = current;
    let silence = setTimeout(() => current.abort(), SILENCE_MS);
    try {
      const reader = (await open("/account/events", signal)).getReader();
      const decoder = new TextDecoder();
      let rest = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(silence);
        silence = setTimeout(() => current.abort(), SILENCE_MS);
        const blocks = (rest + decoder.decode(value, { stream: true })).split("\n\n");
        rest = blocks.pop();
        for (const block of blocks) pass(block, each);
      }
    } finally {
      clearTimeout(silence);
    }
  }

  function pass(block, each) {
    const fields = Object.fromEntries(block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]));
    if (fields.event === "credit") each(JSON.parse(fields.data));
    if (fields.event === "ended") ended = true;
  }

  // Too many pages are open: without a stream, the balance is asked for now and then.
  async function balance() {
    try {
      told(await call("/billing/balance"));
      found();
    } catch {
      lost();
    }
  }

  function sleep(milliseconds) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      wake = () => { clearTimeout(timer); resolve(); };
    });
  }
}
