// What every part of the page uses.

export const root = document.documentElement;
export const $ = (id) => document.getElementById(id);
export const all = (selector) => [...document.querySelectorAll(selector)];
export const make = (tag, values = {}) => Object.assign(document.createElement(tag), values);
export const show = (visible, ...ids) => ids.forEach((id) => ($(id).hidden = !visible));

export const say = (text) => ($("status").textContent = text);
export const percent = (share) => (share > 0 && share < 0.001 ? "< 0.1 %" : `${(100 * share).toFixed(1)} %`);

// What is kept while the tab is open; where a browser forbids that, until the page is left.
const kept = {};

export function keep(name, value) {
  kept[name] = value;
  try {
    sessionStorage.setItem(name, value);
  } catch {
    // forbidden
  }
}

export function recall(name) {
  try {
    return kept[name] ?? sessionStorage.getItem(name);
  } catch {
    return kept[name];
  }
}

// A share as a bar with its number.
export function measureOf(share) {
  const [measure, bar] = ["measure", "bar"].map((className) => make("span", { className }));
  const length = make("i");
  length.style.width = `${100 * share}%`;
  bar.append(length);
  measure.append(bar, make("span", { className: "share", textContent: share ? percent(share) : "–" }));
  return measure;
}

// Where what had the focus is hidden now, it goes on from here.
export function focusInstead(element) {
  if (document.activeElement?.closest("[hidden]")) element.focus({ preventScroll: true });
}

export function switchTheme() {
  const button = $("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme || (system.matches ? "dark" : "light")) === "dark";
  const name = () => {
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", `Show in ${isDark() ? "light" : "dark"} colours`);
  };
  if (recall("theme")) root.dataset.theme = recall("theme");
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    keep("theme", root.dataset.theme);
    name();
  });
  system.addEventListener("change", name);
  name();
}
