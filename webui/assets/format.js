// How numbers, times and endings are said to people.

// The pages are in English: numbers and money are written as English has them, dates in the reader's own kind of it.
const language = "en";
const dates = navigator.languages?.find((one) => /^en\b/.test(one)) ?? "en-GB";
// What a hundredth of a currency is called, where people count small amounts in it.
const HUNDREDTHS = { AUD: "¢", CAD: "¢", EUR: "ct", GBP: "p", NZD: "¢", USD: "¢" };

/** Seconds as minutes and seconds for a figure: 3725.9 → {minutes: "62", seconds: "05"}. Rounded down: none is promised. */
export function split(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  return { minutes: String(Math.floor(whole / 60)), seconds: String(whole % 60).padStart(2, "0") };
}

/** 3725.9 → "62:05". */
export function clock(seconds) {
  const { minutes, seconds: rest } = split(seconds);
  return `${minutes}:${rest}`;
}

/** 3725.9 → "62 minutes and 5 seconds". */
export function spoken(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [count(Math.floor(whole / 60), "minute"), count(whole % 60, "second")];
  return parts.join(" and ");
}

/** Minutes and seconds in a sentence: "500 minutes", "9 minutes and 30 seconds", "10 seconds". */
export function amount(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [[Math.floor(whole / 60), "minute"], [whole % 60, "second"]].filter(([number]) => number);
  return parts.map(([number, noun]) => count(number, noun)).join(" and ") || "no minutes";
}

/** A length as it is billed, to the tenth of a second: "0.4 s", "1 min 2.4 s"; from an hour on "1 h 2 min". */
export function length(seconds) {
  const tenths = Math.round(seconds * 10);
  if (tenths < 600) return `${tenths / 10} s`;
  if (tenths < 36_000) return `${Math.floor(tenths / 600)} min${tenths % 600 ? ` ${(tenths % 600) / 10} s` : ""}`;
  const whole = Math.round(seconds / 60);
  return `${Math.floor(whole / 60)} h${whole % 60 ? ` ${whole % 60} min` : ""}`;
}

/**
 * Whole seconds used between two balances, as the balances are shown, so that the figures on a page agree; the
 * length itself, rounded up, where something else changed the balance meanwhile.
 */
export function used(before, after, seconds) {
  const shown = Math.floor(before) - Math.floor(after);
  return Math.abs(shown - seconds) < 1 ? shown : Math.ceil(seconds);
}

/** "1 minute", "2 minutes". */
export function count(number, noun) {
  return `${number.toLocaleString(language)} ${noun}${number === 1 ? "" : "s"}`;
}

/** Minutes for a chart or a sentence: 0.25 → "0.3", 1234.5 → "1,235". */
export function minutes(seconds) {
  const value = seconds / 60;
  return value.toLocaleString(language, { maximumFractionDigits: value < 10 ? 1 : 0 });
}

/** A price in the smallest unit of its currency, as Stripe counts. */
export function price(cents, currency) {
  const money = new Intl.NumberFormat(language, { style: "currency", currency: currency.toUpperCase() });
  return money.format(cents / 10 ** money.resolvedOptions().maximumFractionDigits);
}

/** What a minute costs: "1.2 ¢", or in the currency with two digits more than usual. */
export function pricePerMinute({ price_cents: cents, currency, seconds }) {
  const code = currency.toUpperCase();
  const digits = new Intl.NumberFormat(language, { style: "currency", currency: code }).resolvedOptions().maximumFractionDigits;
  const hundredths = cents / (seconds / 60);
  if (HUNDREDTHS[code] && hundredths < 100) {
    return `${hundredths.toLocaleString(language, { maximumSignificantDigits: 2 })}\u00a0${HUNDREDTHS[code]}`;
  }
  const fine = new Intl.NumberFormat(language, { style: "currency", currency: code, minimumFractionDigits: digits + 2, maximumFractionDigits: digits + 2 });
  return fine.format(hundredths / 10 ** digits);
}

/** A package's name for people: "500 minutes"; "Starter: 500 minutes" where its label says something else. */
export function packageName({ label, seconds }) {
  const said = amount(seconds);
  return plain(label) === plain(said) ? said : `${label}: ${said}`;
}

function plain(text) {
  return text.toLowerCase().replace(/[\s,.]/g, "");
}

/** "20 Nov, 14:05", with the year where it isn't this one. */
export function when(iso) {
  const time = new Date(iso);
  const options = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" };
  if (time.getFullYear() !== new Date().getFullYear()) options.year = "numeric";
  return time.toLocaleString(dates, options);
}

/** A day in UTC, as "20 Nov". */
export function day(iso) {
  return new Date(`${iso}T00:00:00Z`).toLocaleDateString(dates, { day: "numeric", month: "short", timeZone: "UTC" });
}

/** "20 November 2026". */
export function date(iso) {
  return new Date(iso).toLocaleDateString(dates, { day: "numeric", month: "long", year: "numeric" });
}
