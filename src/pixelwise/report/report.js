// What the report can do beyond being read: another theme, sorted tables, a viewer for its images. Nothing here is
// needed to see the scores or the pictures. All that comes from the data is only ever set as text.
"use strict";
(() => {
  const root = document.documentElement;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const make = (tag, values = {}) => Object.assign(document.createElement(tag), values);

  function switchTheme() {
    const button = document.getElementById("theme");
    const system = matchMedia("(prefers-color-scheme: dark)");
    const isDark = () => (root.dataset.theme || (system.matches ? "dark" : "light")) === "dark";
    const say = () => {
      button.textContent = isDark() ? "Light" : "Dark";
      button.setAttribute("aria-label", `Show in ${isDark() ? "light" : "dark"} colours`);
    };
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      say();
    });
    system.addEventListener("change", say);
    say();
  }

  // Cells hold their number in data-value, none where it is not defined: those come last, whichever the order.
  function sortRows(table, column, descending) {
    const value = (row) => row.cells[column].dataset.value;
    const compare = (one, other) => {
      const [a, b] = [value(one), value(other)];
      if (a === "" || b === "") return (a === "") - (b === "");
      const numbers = isFinite(a) && isFinite(b) && column > 0;
      return (numbers ? a - b : a.localeCompare(b)) * (descending ? -1 : 1);
    };
    table.tBodies[0].append(...[...table.tBodies[0].rows].sort(compare));
  }

  function makeSortable(table) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = make("button", { type: "button", textContent: head.textContent });
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const before = head.getAttribute("aria-sort");
        const descending = before ? before === "ascending" : column > 0;
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", descending ? "descending" : "ascending");
        sortRows(table, column, descending);
      });
    });
  }

  function view(gallery) {
    const figures = all(".example", gallery);
    const [classes, order] = ["show", "order"].map((id) => document.getElementById(id));
    const thumbs = gallery.querySelector(".thumbs");
    const count = gallery.querySelector(".count");
    const divider = make("input", { type: "range", className: "divider", min: 0, max: 100, step: "any", value: 50 });
    const grip = make("span", { className: "grip", textContent: "↔" });
    divider.setAttribute("aria-label", "How much of the photo is seen, from the left, in per cent");
    grip.setAttribute("aria-hidden", "true");
    const cut = () => {
      gallery.style.setProperty("--cut", `${divider.value}%`);
      divider.setAttribute("aria-valuetext", `${Math.round(divider.value)} per cent photo`);
    };
    divider.addEventListener("input", cut);
    divider.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -2, ArrowDown: -2, ArrowRight: 2, ArrowUp: 2 }[event.key];
      if (!step) return; // the others do what they always do
      event.preventDefault();
      divider.value = Number(divider.value) + step;
      cut();
    });

    const items = figures.map((figure) => {
      const button = make("button", { type: "button" });
      const photo = figure.querySelector(".photo img");
      const [width, height] = [photo.getAttribute("width"), photo.getAttribute("height")];
      const image = make("img", { alt: "", decoding: "async", width, height, src: photo.src });
      button.append(image, make("b", { textContent: figure.dataset.name }), make("span"));
      button.addEventListener("click", () => show(figure));
      const item = make("li");
      item.append(button);
      return { figure, button, item, iou: JSON.parse(figure.dataset.iou), mean: Number(figure.dataset.mean) };
    });

    function show(figure) {
      items.forEach((one) => {
        one.figure.classList.toggle("shown", one.figure === figure);
        one.button.setAttribute("aria-pressed", String(one.figure === figure));
      });
      figure.querySelector(".panels").append(divider, grip);
    }

    function list() {
      const index = classes.value; // "" for all
      const score = (one) => (index === "" ? one.mean : one.iou[index]);
      const chosen = items.filter((one) => (index === "" ? one.figure.dataset.kind : one.iou[index] !== null));
      const sign = order.value === "best" ? -1 : 1;
      chosen.sort((one, other) => sign * (score(one) - score(other)));
      thumbs.replaceChildren(...chosen.map((one) => one.item));
      chosen.forEach((one) => {
        const kind = index === "" ? `${one.figure.dataset.kind}: ` : "IoU ";
        one.button.lastChild.textContent = `${kind}${score(one).toFixed(1)} %`;
      });
      count.textContent = `${chosen.length} image${chosen.length === 1 ? "" : "s"}`;
      thumbs.scrollTo(0, 0);
      if (chosen.length) show(chosen[0].figure);
    }

    all("input[type=radio]", gallery).forEach((radio) =>
      radio.addEventListener("change", () => (gallery.dataset.over = radio.value)),
    );
    classes.addEventListener("change", list);
    order.addEventListener("change", list);
    cut();
    list();
  }

  root.classList.add("js");
  switchTheme();
  all("table.classes").forEach(makeSortable);
  all(".gallery").forEach(view);
})();
