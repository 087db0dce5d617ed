// What Django's admin leaves without a name gets the one that stands beside it; and the theme's button works.
const root = document.documentElement;

function name(element) {
  const cell = element.closest("td");
  const heads = cell?.closest("table")?.querySelectorAll("thead th");
  const head = heads?.[[...cell.parentElement.children].indexOf(cell)];
  const label = element.closest(".form-row, .fieldBox, fieldset")?.querySelector("label, legend");
  return (element.type === "checkbox" && /DELETE$/.test(element.name) ? "Delete" : "") || head?.textContent.trim() || label?.textContent.replace(/:$/, "").trim() || "";
}

function isNamed(element) {
  return element.labels?.length || element.hasAttribute("aria-label") || element.hasAttribute("aria-labelledby") || element.title;
}

function complete() {
  for (const element of document.querySelectorAll("#content :is(input:not([type=hidden], [type=submit]), select, textarea)")) {
    if (!isNamed(element)) element.setAttribute("aria-label", [name(element), element.classList.contains("vTimeField") ? "time" : ""].join(" ").trim() || element.name);
  }
  for (const box of document.querySelectorAll(".select2-selection")) {
    const words = name(box) || "Choose";
    box.removeAttribute("aria-labelledby");
    box.setAttribute("aria-label", words);
    box.querySelector('[role="textbox"]')?.setAttribute("aria-label", words);
  }
  for (const hint of document.querySelectorAll(".help-tooltip[aria-label]")) hint.setAttribute("role", "img");
  document.getElementById("searchbar")?.setAttribute("aria-label", "Search");
}

complete();
new MutationObserver(complete).observe(document.body, { childList: true, subtree: true });

document.querySelector("[data-theme-toggle]")?.addEventListener("click", () => {
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
  document.cookie = `theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax${location.protocol === "https:" ? "; secure" : ""}`;
});
