// Every reason why a session ends, in plain words: what the table says, and what whoever talked is told to do.

const ENDINGS = {
  completed: ["Finished", "Finished."],
  client_gone: ["The connection was lost", "The connection was lost. Your words are kept. Check your network, then start again."],
  auth_timeout: ["Signing in took too long", "The server waited too long for your sign-in. Start again."],
  auth_failed: ["The sign-in was not valid", "Your sign-in is no longer valid. Sign in again."],
  auth_revoked: ["Signed out meanwhile", "This sign-in was ended, here or on another device. Sign in again."],
  insufficient_credits: ["No minutes were left", "Your minutes are used up. Buy some to go on; every word until here was delivered."],
  credit_frozen: ["Minutes frozen by a dispute", "A payment for this account is disputed, so its minutes can't be used until that is decided."],
  bad_config: ["The settings were refused", "The server refused this page's settings. Reload the page; if it happens again, tell whoever runs this server."],
  too_many_sessions: ["Too many at once", "You are talking in as many places as are allowed at once. Stop another one, then start again."],
  idle_timeout: ["Nothing was heard for too long", "No sound arrived for too long. Check the microphone, then start again."],
  session_limit: ["The longest time was reached", "The longest time for one session was reached. Start again to go on."],
  slow_client: ["The connection was too slow", "Your connection was too slow for the words to arrive. Try another network, then start again."],
  upstream_unavailable: ["The speech engine was not there", "The speech engine can't be reached right now. Nothing was charged for what it didn't hear. Try again in a minute."],
  upstream_closed: ["The speech engine broke off", "The speech engine broke off. Start again to go on."],
  service_unavailable: ["Accounts could not be reached", "Your account can't be reached right now, so it was stopped to be safe. Try again in a minute."],
  server_draining: ["The server was restarted", "The server is being restarted. Start again in a moment."],
  internal_error: ["A fault of the server", "Something went wrong on the server. It was logged; start again."],
  swept: ["The server went away", "The server went away. Start again."],
};

/** For a table: a few words. */
export function ending(reason) {
  return ENDINGS[reason]?.[0] ?? "It ended";
}

/** For whoever was talking: what happened and what to do. */
export function advice(reason, seconds) {
  if (reason === "insufficient_credits" && !seconds) return "You have no minutes left. Buy some, then start again.";
  return ENDINGS[reason]?.[1] ?? "It ended. Start again to go on.";
}
