// What is said of a purchase to its buyer, who is signed in or has paid from an app, in a browser that knows nobody.

import { amount, packageName } from "./format.js";

const LATE = "Some ways of paying take a while, a bank transfer even days.";

/** To whoever is signed in: by the purchase's status, and where there is none. */
export const MEMBER = {
  paid: ({ seconds }) => `${amount(seconds)} were added.`,
  pending: () => `${LATE} You needn't wait here: the minutes are added by themselves as soon as the money is there.`,
  failed: () => "No minutes were added, and nothing should have been charged. You can try again from the dashboard, perhaps another way.",
  expired: () => "It was open for too long. Nothing was charged. You can start again from the dashboard.",
  nameless: () => "The address of this page lacks the number of a purchase. Your dashboard shows what you have.",
  unknown: () => "This account has no such purchase. If you bought with another account, sign in with that one.",
};

/** The same to whoever paid from an app; `looking`: whether the page asks again by itself. */
export const GUEST = {
  paid: (bought) => `Thank you for buying ${packageName(bought)}. Your app has them already: you can close this page and go back to it.`,
  pending: (bought, looking) => `Thank you for ordering ${packageName(bought)}. ${LATE} ${looking
    ? "This page looks again for a minute."
    : "This page has stopped looking."} You needn't wait here: your app gets the minutes by itself as soon as the money is there.`,
  failed: (bought) => `You did not get ${packageName(bought)}, and nothing should have been charged. You can try again from your app, perhaps another way.`,
  expired: () => "It was open for too long. Nothing was charged. You can start again from your app.",
  nameless: () => "The address of this page lacks the number of a purchase. Your app shows what you have.",
  unknown: () => "There is no such purchase here. Your app shows what you have.",
};
