// Other tabs: opened beside what goes on here.

/**
 * Open a tab that says `words` until it is led somewhere; to be called right where somebody clicked, or browsers take it
 * for an advertisement. `lead` tells whether there is such a tab, `drop` closes it.
 */
export function beside(words) {
  const tab = open("", "_blank");
  if (tab) tab.document.body.textContent = tab.document.title = words;
  return {
    lead(url) {
      if (tab) tab.location.replace(url);
      return Boolean(tab);
    },
    drop() {
      tab?.close();
    },
  };
}
