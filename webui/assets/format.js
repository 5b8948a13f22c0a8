// How numbers, times and endings are said to people.

const language = navigator.language || "en";

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

/** A length for a table: "1 h 2 min", "1 min 2 s", "0.4 s". */
export function length(seconds) {
  if (seconds < 10) return `${Math.round(seconds * 10) / 10} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min${whole % 60 ? ` ${whole % 60} s` : ""}`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
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

/** What a minute costs, in the currency, with two digits more than usual. */
export function pricePerMinute(offer) {
  const currency = offer.currency.toUpperCase();
  const usual = new Intl.NumberFormat(language, { style: "currency", currency });
  const digits = usual.resolvedOptions().maximumFractionDigits;
  const fine = new Intl.NumberFormat(language, { style: "currency", currency, minimumFractionDigits: digits + 2, maximumFractionDigits: digits + 2 });
  return fine.format(offer.price_cents / 10 ** digits / (offer.seconds / 60));
}

/** "20 Nov, 14:05", with the year where it isn't this one. */
export function when(iso) {
  const time = new Date(iso);
  const options = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" };
  if (time.getFullYear() !== new Date().getFullYear()) options.year = "numeric";
  return time.toLocaleString(language, options);
}

/** A day in UTC, as "20 Nov". */
export function day(iso) {
  return new Date(`${iso}T00:00:00Z`).toLocaleDateString(language, { day: "numeric", month: "short", timeZone: "UTC" });
}

/** "20 November 2026". */
export function date(iso) {
  return new Date(iso).toLocaleDateString(language, { day: "numeric", month: "long", year: "numeric" });
}
