// The frame's behaviour. Every page works without it, but for copying and dialogs.
const root = document.documentElement;
const YEAR = 31536000;

function remember(name, value) {
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `${name}=${encodeURIComponent(value)}; path=/; max-age=${YEAR}; samesite=lax${secure}`;
}

// The server draws times in the viewer's zone from the second page on.
remember("zone", Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC");

function toggleTheme() {
  const isDark = getComputedStyle(root).colorScheme.split(" ").length === 2
    ? matchMedia("(prefers-color-scheme: dark)").matches
    : getComputedStyle(root).colorScheme === "dark";
  root.dataset.theme = isDark ? "light" : "dark";
  remember("theme", root.dataset.theme);
}

async function copyText(button, text) {
  const word = button.querySelector("[data-word]");
  try {
    await navigator.clipboard.writeText(text);
    word.textContent = "Copied";
  } catch {
    word.textContent = "Select and copy";
  }
  setTimeout(() => { word.textContent = "Copy"; }, 2000);
}

function choose(tab, focus = false) {
  for (const other of tab.closest('[role="tablist"]').querySelectorAll('[role="tab"]')) {
    const chosen = other === tab;
    other.setAttribute("aria-selected", String(chosen));
    other.tabIndex = chosen ? 0 : -1;
    document.getElementById(other.getAttribute("aria-controls")).hidden = !chosen;
  }
  if (focus) tab.focus();
}

function setRail(open) {
  document.body.classList.toggle("rail-open", open);
  const opener = document.querySelector("[data-rail]");
  opener?.setAttribute("aria-expanded", String(open));
  if (open) document.querySelector("#rail a")?.focus();
  else opener?.focus();
}

const handlers = {
  "[data-theme-toggle]": toggleTheme,
  "[data-copy]": (button) => copyText(button, button.dataset.copy),
  "[data-copy-code]": (button) => copyText(button, button.closest(".code").querySelector("pre:not([hidden])").textContent),
  "[data-dismiss]": (button) => button.closest("li").remove(),
  "[data-close]": (button) => button.closest("dialog").close(),
  "[data-rail]": () => setRail(!document.body.classList.contains("rail-open")),
  '[data-tabs] [role="tab"]': (tab) => choose(tab),
};

document.addEventListener("click", (event) => {
  for (const [selector, act] of Object.entries(handlers)) {
    const found = event.target.closest(selector);
    if (found) {
      if (found.matches("[data-close]")) event.preventDefault();
      act(found);
      return;
    }
  }
  if (document.body.classList.contains("rail-open") && !event.target.closest("#rail")) setRail(false);
  if (event.target.matches("dialog")) event.target.close();
});

// One menu at a time; a click elsewhere closes it.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
    if (document.body.classList.contains("rail-open")) setRail(false);
  }
  const tab = event.target.closest?.('[data-tabs] [role="tab"]');
  if (tab && (event.key === "ArrowRight" || event.key === "ArrowLeft")) {
    const next = event.key === "ArrowRight" ? tab.nextElementSibling : tab.previousElementSibling;
    if (next) choose(next, true);
  }
});

// A question that htmx fetched opens as a dialog.
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.target.id === "dialog-body") document.getElementById("dialog").showModal();
});

document.querySelector("[data-focus]")?.focus();

// A select that filters needs no second click.
document.addEventListener("change", (event) => {
  if (event.target.matches("form[data-auto] select")) event.target.form.requestSubmit();
});
