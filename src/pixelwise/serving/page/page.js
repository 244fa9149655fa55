// The page of `pixelwise serve`: a photo goes to POST /predict, and the classes that come back are laid over it.
// All that comes from the server or a file is only ever set as text.
import { agreement, classAt, overlay, paint, pictureFile, pixelAt, within } from "./page.drawing.js";
import { $, all, focusInstead, make, measureOf, percent, root, say, show } from "./page.parts.js";
import { keep, recall, switchTheme } from "./page.parts.js";
import { bytesOf, greyOf, withPalette } from "./page.png.js";
import { listModels, predict } from "./page.server.js";
import { closeCamera, isCameraOpen, listenForPhotos } from "./page.sources.js";

const SHOWN = 4e6; // pixels of the drawing on the page
const SAVED = 16.7e6; // pixels of the overlay that is saved; phones can draw no more


let models = []; // of GET /models
let photo = null; // {file, name, stem, url, seen}; seen: whether this browser can show it, null where not known yet
let answers = new Map(); // of this photo: a model's name -> its answer
let running = null; // the AbortController of the question that is asked
let again = null; // what "Try again" does, and a new token
let point = null; // the point looked at, {x, y} in [0, 1) of the photo
const hidden = new Set(); // names of the classes that are switched off

const chosen = () => [$("model").value, $("other").value].filter(Boolean);
const given = () => chosen().map((name) => answers.get(name)).filter(Boolean);
const known = () => chosen().map((name) => models.find((model) => model.name === name));
const largestFirst = (classes) => [...classes].sort((one, other) => other.share - one.share);

// A class has one colour on the page, that of the first model that knows it.
const colorOf = (name) => known().flatMap((model) => model.classes).find((one) => one.name === name)?.color;
const colorShown = (name) => (hidden.has(name) ? null : colorOf(name));

function swatch(name) {
  const box = make("i", { className: "swatch" });
  box.style.background = colorOf(name) ? `rgb(${colorOf(name).join(" ")})` : "none";
  return box;
}

// What went wrong

function complain(error, retry = null) {
  again = retry;
  say("");
  if (error.status === 401) {
    $("refused").textContent = recall("token") ? error.message : "";
    show(false, "problem");
    show(true, "ask-token");
    $("token").select();
    return;
  }
  $("line").textContent = error.name === "AbortError" ? "Stopped before there was an answer." : error.message;
  show(true, "problem");
  show(Boolean(retry), "again");
  $("problem").scrollIntoView({ block: "nearest" });
  focusInstead($("again"));
}

function tryAgain() {
  show(false, "problem", "ask-token");
  again?.();
}

// A photo, and its labels by one model or two

function take(file, name = file?.name) {
  if (!file) return;
  closeCamera();
  if (photo) putAway();
  photo = { file, name, stem: name.replace(/\.[^.]*$/, "") || "photo", url: URL.createObjectURL(file), seen: null };
  $("photo").src = photo.url;
  $("photo").alt = `The photo ${name}`;
  $("probe").setAttribute("aria-label", `${name}, labelled`);
  label();
}

// A photo that the server will never label is put away.
const isRefused = ({ status }) => status >= 400 && status < 500 && ![401, 404, 408, 429].includes(status);

function putAway() {
  URL.revokeObjectURL(photo.url);
  $("photo").removeAttribute("src");
  photo = null;
  answers = new Map();
  point = null;
  draw();
}

async function label() {
  running?.abort();
  running = null;
  stopClock();
  show(false, "problem");
  draw();
  const missing = chosen().filter((name) => !answers.has(name));
  if (!photo || !missing.length) return;
  const mine = (running = new AbortController());
  startClock(missing);
  try {
    for (const name of missing) {
      const answer = await predict(photo.file, name, "json", mine.signal);
      const decoded = await decode(await answer.json());
      if (mine !== running) return;
      answers.set(name, decoded);
    }
  } catch (error) {
    if (mine === running) giveUp(error);
    return;
  }
  stopClock();
  draw();
  tell();
  focusInstead($("probe"));
}

function giveUp(error) {
  stopClock();
  if (isRefused(error)) putAway();
  complain(error, photo && label);
}

async function decode(answer) {
  const png = bytesOf(answer.label);
  const [label, confidence] = await Promise.all([greyOf(png), greyOf(bytesOf(answer.confidence))]);
  return { ...answer, png, label, confidence };
}

function tell() {
  const most = largestFirst(given()[0].classes).slice(0, 3).filter((one) => one.pixels);
  const shares = most.map((one) => `${one.name} ${percent(one.share)}`).join(", ");
  say(`${photo.name} is labelled by ${chosen().join(" and ")}. Most of it: ${shares}.`);
}

let clock = 0;
function startClock(names) {
  const began = performance.now();
  const tick = () => ($("elapsed").textContent = `Labelling… ${((performance.now() - began) / 1000).toFixed(1)} s`);
  clearInterval(clock);
  clock = setInterval(tick, 100);
  tick();
  say(`${photo.name} is being labelled by ${names.join(" and ")}.`);
  show(true, "busy");
  focusInstead($("stop"));
  root.classList.add("labelling");
}

function stopClock() {
  clearInterval(clock);
  show(false, "busy");
  root.classList.remove("labelling");
}

// What is seen of it

function draw() {
  const answered = given();
  const both = answered.length > 1;
  const camera = isCameraOpen();
  const staged = Boolean(photo) && (photo.seen !== false || answered.length > 0);
  show(camera, "live");
  show(staged && !camera, "stage");
  show(!staged && !camera, "empty");
  show(photo?.seen !== false, "photo");
  show(answered.length > 0, "first", "files", "probe");
  show(both, "second", "divider", "grip", "left", "right");
  root.classList.toggle("comparing", both);
  root.classList.toggle("with-photo", Boolean(photo));
  const { width, height } = answered[0] ?? { width: $("photo").naturalWidth, height: $("photo").naturalHeight };
  if (width) $("stage").style.setProperty("--ratio", width / height);
  [$("left").textContent, $("right").textContent] = [...chosen(), ""];
  $("whose").textContent = both ? `All but the overlay are of ${answered[0].model}, the left one.` : "";
  paintAll();
  listClasses();
  look(point);
}

function paintAll() {
  const drawings = [$("first"), $("second")];
  given().forEach((answer, place) => paint(drawings[place], answer, within(answer, SHOWN), colorShown));
  blend();
}

const opacity = () => (photo?.seen === false ? 1 : $("opacity").value / 100);

function blend() {
  $("percent").textContent = `${$("opacity").value} %`;
  $("stage").style.setProperty("--opacity", opacity());
}

function cut() {
  $("stage").style.setProperty("--cut", `${$("divider").value}%`);
  $("divider").setAttribute("aria-valuetext", `${Math.round($("divider").value)} per cent ${chosen()[0]}`);
}

function listClasses() {
  const classes = [...largestFirst(given()[0]?.classes ?? []), ...known().flatMap((model) => model.classes)];
  const names = [...new Set(classes.map((one) => one.name))];
  $("classes").replaceChildren(...names.map(classItem));
  $("about").textContent = aboutThem(...given());
}

function classItem(name) {
  const shares = given().map((answer) => answer.classes.find((one) => one.name === name)?.share ?? 0);
  const item = make("li", { className: given().length && !Math.max(...shares) ? "absent" : "" });
  const box = make("input", { type: "checkbox", checked: !hidden.has(name) });
  const [row, measures] = [make("label"), make("span", { className: "measures" })];
  item.dataset.name = name;
  box.addEventListener("change", () => switchClasses([name], box.checked));
  measures.append(...shares.map(measureOf));
  row.append(box, swatch(name), make("span", { className: "name", textContent: name }), measures);
  item.append(row);
  return item;
}

function switchClasses(names, on) {
  names.forEach((name) => hidden[on ? "delete" : "add"](name));
  all("#classes li").forEach((item) => (item.querySelector("input").checked = !hidden.has(item.dataset.name)));
  paintAll();
}

function aboutThem(first, second) {
  const [model] = known();
  if (!model) return "";
  if (second) {
    const agreed = percent(agreement(first, second));
    return `Upper bar ${first.model}, lower bar ${second.model}. They agree on ${agreed} of the pixels.`;
  }
  if (first) {
    const seconds = (first.milliseconds / 1000).toFixed(2);
    return `Shares of the photo's ${first.width} × ${first.height} pixels, labelled in ${seconds} s.`;
  }
  const [height, width] = model.size;
  const network = [model.architecture, model.description].filter(Boolean).join(", ");
  return `${model.classes.length} classes, told apart at ${width} × ${height} pixels. Network: ${network}.`;
}

// The point looked at

const HINT = {
  true: "Point at the photo, tap it or use the arrow keys to see what is where.",
  false: "This browser cannot show files of this kind: only the classes are seen.",
};

function look(where, byKey = false) {
  point = where;
  const found = where ? given().map((answer) => classAt(answer, where)) : [];
  const names = found.map((one) => one.name);
  all("#classes li").forEach((item) => item.classList.toggle("here", names.includes(item.dataset.name)));
  show(found.length > 0, "tip");
  show(found.length > 0 && byKey, "cross");
  if (!found.length) {
    $("readout").textContent = given().length ? HINT[photo.seen !== false] : "";
    return;
  }
  const [column, row] = pixelAt(given()[0], where);
  const words = found.map((one) => `${one.name}, ${one.confidence} sure`);
  const text = found.length > 1 ? found.map((one, place) => `${one.model}: ${words[place]}`).join("; ") : words[0];
  $("readout").textContent = `x ${column}, y ${row}: ${text}`;
  if (byKey) $("spoken").textContent = text;
  $("tip").replaceChildren(...found.map(tipLine));
  $("tip").dataset.across = where.x < 0.25 ? "right" : where.x > 0.75 ? "left" : "middle";
  $("tip").dataset.down = where.y < 0.25 ? "below" : "above";
  $("stage").style.setProperty("--x", `${100 * where.x}%`);
  $("stage").style.setProperty("--y", `${100 * where.y}%`);
}

function tipLine({ model, name, confidence }, place, found) {
  const line = make("div");
  line.append(swatch(name), make("b", { textContent: name }), make("span", { textContent: `${confidence} sure` }));
  if (found.length > 1) line.append(make("small", { textContent: model }));
  return line;
}

function lookAtPointer(event) {
  const box = $("stage").getBoundingClientRect();
  const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  look(x >= 0 && x < 1 && y >= 0 && y < 1 ? { x, y } : null);
}

const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function lookByKey(event) {
  const [answer] = given();
  if (event.key === "Escape") look(null);
  if (!DIRECTIONS[event.key] || !answer) return;
  event.preventDefault();
  const step = event.shiftKey ? 1 : Math.max(1, Math.round(Math.max(answer.width, answer.height) / 50));
  const here = point ? pixelAt(answer, point) : [answer.width >> 1, answer.height >> 1];
  const [x, y] = [answer.width, answer.height].map((size, axis) => {
    const moved = here[axis] + (point ? step * DIRECTIONS[event.key][axis] : 0);
    return (Math.min(size - 1, Math.max(0, moved)) + 0.5) / size;
  });
  look({ x, y }, true);
}

// Files to keep

const asked = (kind) => async (answer) => (await predict(photo.file, answer.model, kind)).blob();

const FILES = {
  overlay: ["_overlay.png", (answer) => (photo.seen ? overlayFile(answer) : asked("overlay")(answer))],
  label: ["_label.png", (answer) => withPalette(answer.png, answer.classes.map((one) => one.color))],
  color: ["_color.png", asked("color")],
  geojson: [".geojson", asked("geojson")],
  csv: [".csv", asked("csv")],
};

// As it is seen: this opacity, these classes, both models where two are compared.
function overlayFile(answer) {
  const how = { size: within(answer, SAVED), opacity: opacity(), cut: $("divider").value / 100, colorOf: colorShown };
  return pictureFile(overlay($("photo"), given(), how));
}

async function download(kind) {
  const [ending, content] = FILES[kind];
  const button = all(`[data-file="${kind}"]`)[0];
  show(false, "problem");
  button.setAttribute("aria-busy", "true");
  try {
    const name = photo.stem + ending;
    const url = URL.createObjectURL(await content(given()[0]));
    make("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60000);
    say(`${name} is ready.`);
  } catch (error) {
    complain(error, () => download(kind));
  } finally {
    button.removeAttribute("aria-busy");
  }
}

// The beginning

async function loadModels() {
  try {
    models = await listModels();
  } catch (error) {
    complain(error, loadModels);
    return;
  }
  $("model").replaceChildren(...models.map((model) => new Option(model.name)));
  listOthers();
  root.classList.toggle("several", models.length > 1);
  label();
}

function listOthers() {
  const before = $("other").value;
  const others = models.map((model) => model.name).filter((name) => name !== $("model").value);
  $("other").replaceChildren(new Option("no other", ""), ...others.map((name) => new Option(name)));
  $("other").value = others.includes(before) ? before : "";
}

function stepDivider(event) {
  const direction = DIRECTIONS[event.key];
  if (!direction) return; // the others do what they always do
  event.preventDefault();
  $("divider").value = Number($("divider").value) + 2 * (direction[0] - direction[1]);
  cut();
}

function listen() {
  const on = (id, kind, action) => $(id).addEventListener(kind, action);
  on("model", "change", () => {
    listOthers();
    label();
  });
  on("other", "change", label);
  on("opacity", "input", blend);
  on("divider", "input", cut);
  on("divider", "keydown", stepDivider);
  on("stage", "pointermove", lookAtPointer);
  on("stage", "pointerdown", lookAtPointer);
  on("stage", "pointerleave", (event) => event.pointerType === "mouse" && look(null)); // a finger's answer stays
  on("probe", "keydown", lookByKey);
  on("stop", "click", () => running.abort());
  on("again", "click", tryAgain);
  on("all", "click", () => switchClasses([...hidden], true));
  on("none", "click", () => switchClasses(all("#classes li").map((item) => item.dataset.name), false));
  all("[data-file]").forEach((button) => button.addEventListener("click", () => download(button.dataset.file)));
  on("photo", "load", () => seen(true));
  on("photo", "error", () => seen(false));
  on("ask-token", "submit", (event) => {
    event.preventDefault();
    keep("token", $("token").value.trim());
    tryAgain();
  });
}

function seen(visible) {
  if (!photo) return;
  photo.seen = visible;
  draw();
}

switchTheme();
listen();
listenForPhotos({ take, complain, draw, clear: () => show(false, "problem") });
blend();
cut();
loadModels();
