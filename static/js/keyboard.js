// Keys of the whole frame: / to the filter, ? for the list of keys, g and a letter to a page. Never while somebody types.
const WAIT_MS = 1500;
const sheet = document.getElementById("keys-sheet");
let goneAt = -Infinity;

function isTyping(target) {
  return target.closest?.("input, textarea, select, [contenteditable]") != null;
}

function focusFilter() {
  const search = document.querySelector('main input[type="search"]');
  search?.focus();
  search?.select();
  return Boolean(search);
}

function goTo(letter) {
  const link = document.querySelector(`#rail a[data-go="${CSS.escape(letter)}"]`);
  link?.click();
  return Boolean(link);
}

function act(key) {
  const isAfterG = performance.now() - goneAt < WAIT_MS;
  goneAt = -Infinity;
  if (isAfterG) return goTo(key);
  if (key === "g") {
    goneAt = performance.now();
    return true;
  }
  if (key === "/") return focusFilter();
  if (key === "?") {
    sheet.showModal();
    return true;
  }
  return false;
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
  if (event.key !== "Shift" && act(event.key)) event.preventDefault();
});

document.querySelector("[data-keys]")?.addEventListener("click", () => sheet.showModal());
