/** The page: what is shown, and what follows from every change. */

import { readState, writeState } from "./address.js";
import { askJson, onTokenWanted, setToken } from "./api.js";
import { Classes } from "./classes.js";
import { compare } from "./comparison.js";
import { decideMask } from "./decision.js";
import { announce, byId, count, element, score } from "./dom.js";
import { EvaluationPart } from "./evaluation.js";
import { Kept, SentImage, SetImage } from "./images.js";
import { listenToKeys } from "./keys.js";
import { LesionList } from "./lesion_list.js";
import { OUTCOMES, paintMask, paintOutcomes, safeColor } from "./painting.js";
import { saveCanvas, saveReply } from "./saving.js";
import { SetList } from "./set_list.js";
import { Viewer } from "./viewer.js";

const PANES = {
  prediction: [{ label: "Prediction", layers: ["prediction"] }],
  truth: [{ label: "Truth", layers: ["truth"] }],
  difference: [{ label: "Difference", layers: ["difference"] }],
  side: [
    { label: "Image", layers: [] },
    { label: "Truth", layers: ["truth"] },
    { label: "Prediction", layers: ["prediction"] },
    { label: "Difference", layers: ["difference"] },
  ],
  swipe: [{ label: "Truth | Prediction", layers: ["truth", "prediction"] }],
};
const QUICK = 40;

let server;
let state;
let model;
let compared = [];
let sent = [];
let image = null;
let loaded = null;
let result = null;
let turn = 0;
let isHidden = false;
let listed = null;
const kept = new Kept();

const viewer = new Viewer(byId("viewer"), {
  onmove: (where) => change({ where }),
  onscale: showScale,
  onpoint: showPixel,
  onpick: (pixel) => lesions.pickAt(pixel) && viewer.mark(lesions.pickAt(pixel)),
});
const classes = new Classes({
  onlimit: (id, limit) => {
    const limits = new Map(state.limits);
    if (limit === null) limits.delete(id);
    else limits.set(id, limit);
    change({ limits });
  },
  onswitch: (id, isOn) => {
    const off = new Set(state.off);
    if (isOn) off.delete(id);
    else off.add(id);
    change({ off });
  },
});
const lesions = new LesionList((one) => {
  viewer.goTo(one);
  announce(`${model.names.get(one.id)}, ${one.outcome} ${count(one.area, "pixel")}, probability ${score(one.score)}`);
});
const set = new SetList({
  onpick: (id) => change({ image: id, where: null }, { isStep: true }),
  onfilter: change,
  onproblem: report,
});
const evaluation = new EvaluationPart({ onprogress: progressed, onproblem: report });

// ---- the state ----

/** Change the state, and all that follows from it. */
function change(changes, { isStep = false } = {}) {
  const before = state;
  state = { ...state, ...changes };
  keepAddress(isStep);
  follow(before);
}

let addressTimer = 0;

function keepAddress(isStep) {
  clearTimeout(addressTimer);
  const write = () => history.replaceState(null, "", writeState(state));
  if (isStep) {
    history.pushState(null, "", writeState(state));
    return;
  }
  addressTimer = setTimeout(write, 200); // browsers refuse many changes of an address in a row
}

function follow(before) {
  const differs = (...names) => names.some((name) => before[name] !== state[name]);
  if (differs("model")) return useModel();
  if (differs("sort", "part", "group", "missed")) set.show(state, model.name);
  if (differs("own")) showColors();
  if (differs("image") && (state.image || image?.id)) return open(state.image ? imageOfSet(state.image) : null);
  if (differs("view")) showView();
  if (differs("limits", "off", "opacity", "own", "view")) redraw();
  return undefined;
}

function useState(hash) {
  const params = new URLSearchParams(hash.replace(/^#/, ""));
  if (params.has("token")) {
    setToken(params.get("token"));
    params.delete("token");
    history.replaceState(null, "", `#${params}`);
  }
  return readState(`#${params}`);
}

function readAddress() {
  const before = state;
  state = useState(location.hash);
  follow(before);
  if (state.image === before.image && loaded) {
    viewer.look(state.where);
    redraw();
  }
}

// ---- models ----

function useModel() {
  model = server.models.find((one) => one.name === state.model) ?? server.models[0];
  model.names ??= new Map(model.classes.map((one) => [one.id, one.name]));
  byId("model").value = model.name;
  const known = new Set(model.classes.map((one) => one.id));
  state.limits = new Map([...state.limits].filter(([id]) => known.has(id) && model.head === "sigmoid"));
  state.off = new Set([...state.off].filter((id) => known.has(id)));
  showColors();
  byId("facts").textContent = `trained ${model.created.slice(0, 10)} · ${model.runtime}`;
  if (server.dataset) {
    compared = [];
    listed = set.offerFilters(model.name).then(() => set.show(state, model.name)).catch(report);
    evaluation.show(model.name);
  }
  const wanted = state.image && image?.id !== state.image ? imageOfSet(state.image) : image;
  if (wanted) open(wanted);
}

function colorsOf() {
  return new Map(
    model.classes.map((one, number) => [one.id, state.own ? one.color : safeColor(number, one.color)]),
  );
}

function showColors() {
  classes.show(model, colorsOf());
  classes.update(state.limits, state.off);
}

function rule() {
  const limits = new Map(model.classes.map((one) => [one.id, state.limits.get(one.id) ?? one.threshold]));
  return { head: model.head, channels: model.channels, limits };
}

/** Return the thresholds as the server reads them; null if they are the model's own. */
function thresholdText() {
  if (!state.limits.size) return null;
  return [...state.limits].map(([id, limit]) => `${model.names.get(id)}=${limit}`).join(",");
}

// ---- images ----

function imageOfSet(id) {
  return new SetImage(id, set.names?.get(id) ?? id);
}

/** Load an image and show it. */
async function open(wanted) {
  const mine = ++turn;
  if (wanted === null) return;
  const isSame = image?.key === wanted.key;
  image = wanted;
  if (image.id !== state.image) change({ image: image.id, where: null }, { isStep: true });
  set.select(image.id);
  showSent();
  byId("empty").hidden = true;
  byId("busy").hidden = false;
  byId("busy").textContent = `Predicting ${image.name} ...`;
  byId("name").textContent = image.name;
  try {
    const found = await kept.get(image, model);
    if (mine !== turn) return;
    loaded = found;
    image.failure = "";
    if (found.problem) report(found.problem);
    viewer.setPanes(PANES[viewNow()]);
    viewer.setImage(found.pixels, image.name, state.where ?? (isSame ? viewer.where : null));
    byId("panel").hidden = false;
    showView();
    redraw({ isNew: true });
  } catch (error) {
    if (mine !== turn) return;
    loaded = null;
    image.failure = error.message;
    showSent();
    report(error, image.name);
  } finally {
    if (mine === turn) byId("busy").hidden = true;
  }
}

/** Take in files, and predict them one after the other; the first one is shown. */
async function take(files) {
  const taken = [...files].map((file, number) => new SentImage(file, sent.length + number));
  if (!taken.length) return;
  sent = [...sent, ...taken];
  showSent();
  await open(taken[0]);
  for (const one of taken.slice(1)) {
    try {
      await kept.get(one, model);
      one.failure = "";
    } catch (error) {
      one.failure = error.message;
      report(error, one.name);
    }
    showSent();
  }
}

function showSent() {
  byId("sent-part").hidden = !sent.length;
  const rows = sent.map((one) => {
    const isCurrent = one === image;
    return element(
      "li",
      {},
      element(
        "button",
        { type: "button", class: "row", "aria-current": isCurrent ? "true" : null, onclick: () => open(one) },
        element("span", { class: "title", title: one.name }, one.name),
        one.failure ? element("span", { class: "tag missed" }, "not read") : null,
        one.found === undefined ? null : element("span", { class: "value" }, count(one.found, "lesion")),
      ),
    );
  });
  const hadFocus = byId("sent").contains(document.activeElement);
  byId("sent").replaceChildren(...rows);
  if (hadFocus) byId("sent").querySelector("[aria-current]")?.focus();
}

/** Show the next image of the lists, or the one before. */
function step(by) {
  const all = [...sent, ...set.images];
  if (!all.length) return;
  const at = all.findIndex((one) => (image?.id ? one.id === image.id : one === image));
  const next = all[at < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at + by))];
  if (next instanceof SentImage) open(next);
  else change({ image: next.id, where: null }, { isStep: true });
}

// ---- what is shown ----

function viewNow() {
  return image?.hasTruth && loaded?.truth ? state.view : "prediction";
}

function showView() {
  const hasTruth = Boolean(image?.hasTruth && loaded?.truth);
  byId("views").hidden = !hasTruth;
  const view = viewNow();
  for (const box of document.querySelectorAll("input[name=view]")) box.checked = box.value === view;
  viewer.setPanes(PANES[view]);
  byId("legend").hidden = !["difference", "side"].includes(view);
}

let frame = 0;
let lateTimer = 0;
let lasted = 0;

/** Draw what the thresholds decide now; the lists follow, on large images a moment later. */
function redraw({ isNew = false } = {}) {
  classes.update(state.limits, state.off);
  byId("opacity").value = state.opacity;
  byId("opacity-value").textContent = `${Math.round(state.opacity * 100)} %`;
  byId("own-colors").checked = state.own;
  if (!loaded) return;
  cancelAnimationFrame(frame);
  clearTimeout(lateTimer);
  if (isNew) lasted = 0;
  frame = requestAnimationFrame(() => {
    drawMasks();
    if (lasted < QUICK) recount(isNew);
    else lateTimer = setTimeout(() => recount(isNew), 150);
  });
}

function drawMasks() {
  const { planes, truth } = loaded;
  const colors = new Map([...colorsOf()].filter(([id]) => !state.off.has(id)));
  const opacity = isHidden ? 0 : state.opacity;
  loaded.mask = decideMask(planes, rule());
  const shown = state.off.size && model.head === "sigmoid" ? decideMask(planes, rule(), state.off) : loaded.mask;
  viewer.setLayer("prediction", paintMask(shown, planes.width, colors, opacity));
  if (truth) viewer.setLayer("truth", paintMask(truth, planes.width, colors, opacity));
}

function recount(isNew) {
  const start = performance.now();
  const { planes, truth, mask } = loaded;
  const ids = model.classes.map((one) => one.id);
  result = compare(planes, rule(), mask, ids, truth, compared.filter((id) => !state.off.has(id)));
  const shown = result.lesions.filter((one) => !state.off.has(one.id));
  lesions.show(shown, model.names, colorsOf());
  const marked = result.lesions.filter((one) => one.outcome !== "missed");
  for (const id of ids) {
    classes.tell(id, marked.filter((one) => one.id === id).length, result.pixels.get(id));
  }
  showScores();
  drawDifference();
  const summary = inWords(marked.filter((one) => !state.off.has(one.id)));
  viewer.describe(summary);
  announce(`${image.name}: ${summary}`);
  if (image instanceof SentImage && image.found !== marked.length) {
    image.found = marked.length;
    showSent();
  }
  if (isNew) byId("viewer").dataset.shown = image.key;
  lasted = performance.now() - start;
}

function drawDifference() {
  if (!result?.outcomes) return;
  const period = Math.max(4, 2 ** Math.ceil(Math.log2(6 / viewer.scale)));
  const opacity = isHidden ? 0 : Math.min(1, state.opacity * 1.6);
  viewer.setLayer("difference", paintOutcomes(result.outcomes, loaded.planes.width, opacity, period));
  loaded.period = period;
}

function inWords(marked) {
  const found = marked.length ? `${count(marked.length, "lesion")} marked` : "nothing marked";
  if (!loaded.truth || !compared.length) return found;
  const missed = result.lesions.filter((one) => one.outcome === "missed").length;
  const invented = result.lesions.filter((one) => one.outcome === "invented").length;
  return `${found}, ${missed} of ${result.total} missed, ${invented} invented, Dice ${score(result.dice)}`;
}

function showScores() {
  const isCompared = Boolean(loaded.truth && compared.length);
  byId("scores-part").hidden = !isCompared;
  if (!isCompared) return;
  const shown = compared.filter((id) => !state.off.has(id));
  const number = (outcome) => result.lesions.filter((one) => one.outcome === outcome).length;
  const missed = number("missed");
  const entries = [
    ["Dice", score(result.dice), "how well the areas agree: 1 is the same, 0 is nothing in common"],
    ["found", `${result.total - missed} of ${result.total}`, "lesions of the truth that the prediction touches"],
    ["missed", String(missed), "lesions of the truth that it does not touch"],
    ["invented", String(number("invented")), "marked where the truth has nothing"],
  ];
  const byClass = shown.length > 1 ? shown : [];
  byId("scores").replaceChildren(
    element(
      "dl",
      { class: "scores" },
      ...entries.map(([name, value, meaning]) =>
        element("div", { class: name, title: meaning }, element("dt", {}, name), element("dd", {}, value)),
      ),
      ...byClass.map((id) =>
        element("div", {}, element("dt", {}, `Dice of ${model.names.get(id)}`), element("dd", {}, score(result.dices.get(id)))),
      ),
    ),
  );
}

function showScale() {
  byId("scale").textContent = `${Math.round(viewer.scale * 100)} %`;
  if (loaded && result?.outcomes) {
    const period = Math.max(4, 2 ** Math.ceil(Math.log2(6 / viewer.scale)));
    if (period !== loaded.period) drawDifference();
  }
}

function showPixel(pixel) {
  if (!pixel || !loaded) {
    byId("pixel").textContent = "";
    return;
  }
  const { values, width, height } = loaded.planes;
  const at = pixel.y * width + pixel.x;
  const parts = model.classes.map((one) => {
    const probability = values[model.channels.indexOf(one.id) * width * height + at];
    return `${one.name} ${probability.toFixed(2)}`;
  });
  byId("pixel").textContent = `x ${pixel.x}  y ${pixel.y}   ${parts.slice(0, 4).join("   ")}`;
}

/** Take in how far the evaluation is. */
let measured = -1;

function progressed(found) {
  const wasCompared = compared.join();
  compared = found.compared;
  if (loaded && compared.join() !== wasCompared) redraw();
  if (measured !== found.measured && measured >= 0) set.refresh();
  measured = found.measured;
}

// ---- problems ----

/** Show what went wrong, with what can be done about it. */
function report(error, about = "") {
  if (!(error instanceof Error) || error.name === "AbortError") return;
  const box = element(
    "div",
    { class: "problem" },
    element("p", {}, element("strong", {}, about ? `${about}: ${error.message}` : error.message), error.hint ? ` ${error.hint}` : ""),
    element("button", { type: "button", class: "plain", "aria-label": "Close this message", onclick: () => box.remove() }, "×"),
  );
  const before = [...byId("problems").children].find((one) => one.textContent === box.textContent);
  before?.remove();
  byId("problems").append(box);
}

function askForToken(wasWrong) {
  const dialog = byId("token-dialog");
  if (wasWrong) byId("token-text").textContent = "The token is wrong. It is what was given to maskforge serve as --token.";
  dialog.showModal();
  return new Promise((resolve) => {
    byId("token-form").onsubmit = (event) => {
      event.preventDefault();
      dialog.close();
      resolve(byId("token").value.trim());
      byId("token").value = "";
    };
  });
}

// ---- controls ----

async function save(what) {
  if (!loaded) return;
  const stem = image.name.replace(/\.[^.]*$/, "").replaceAll("/", "-");
  try {
    if (what === "overlay") saveCanvas(loaded.pixels, currentLayer(), `${stem}-overlay.png`);
    else if (what === "mask") await saveReply(await image.mask(model.name, thresholdText()), `${stem}-mask.png`);
    else {
      const format = byId("format").value;
      await saveReply(await image.shapes(model.name, thresholdText(), format), `${stem}-${format}`);
    }
    announce(`${what} saved`);
  } catch (error) {
    report(error, image.name);
  }
}

function currentLayer() {
  const colors = new Map([...colorsOf()].filter(([id]) => !state.off.has(id)));
  return paintMask(loaded.mask, loaded.planes.width, colors, state.opacity);
}

function nextView(by) {
  const views = Object.keys(PANES);
  if (byId("views").hidden) return;
  change({ view: views[(views.indexOf(viewNow()) + by + views.length) % views.length] });
}

function moveLimits(by) {
  const limits = new Map(state.limits);
  for (const one of model.classes) {
    if (one.threshold === null || state.off.has(one.id)) continue;
    const limit = (limits.get(one.id) ?? one.threshold) + by;
    limits.set(one.id, Math.min(1, Math.max(0, Math.round(limit * 1000) / 1000)));
  }
  change({ limits });
}

function chooseNext(id) {
  const select = byId(id);
  if (select.options.length < 2) return;
  select.selectedIndex = (select.selectedIndex + 1) % select.options.length;
  select.dispatchEvent(new Event("change"));
  announce(select.selectedOptions[0].textContent);
}

function switchClass(number) {
  const one = model.classes[number - 1];
  if (!one) return;
  const off = new Set(state.off);
  if (!off.delete(one.id)) off.add(one.id);
  change({ off });
}

const KEYS = [
  { keys: ["j", "k"], text: "next, previous image", run: (_, key) => step(key === "j" ? 1 : -1) },
  { keys: ["n", "p"], text: "next, previous lesion", run: (_, key) => lesions.step(key === "n" ? 1 : -1) },
  { keys: ["+", "=", "-"], shown: "+ -", text: "zoom in, out", run: (_, key) => (key === "-" ? viewer.zoomOut() : viewer.zoomIn()) },
  { keys: ["0"], text: "the whole image", run: () => viewer.look(null) },
  { keys: ["x"], text: "a pixel of the image is one of the screen", run: () => viewer.zoom(1 / viewer.scale) },
  {
    keys: ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"],
    shown: "← → ↑ ↓",
    text: "move, on the image",
    run: (_, key) => viewer.pan(...{ ArrowLeft: [-60, 0], ArrowRight: [60, 0], ArrowUp: [0, -60], ArrowDown: [0, 60] }[key]),
  },
  { keys: ["]", "["], text: "higher, lower thresholds", run: (_, key) => moveLimits(key === "]" ? 0.01 : -0.01) },
  { keys: ["}", "{"], text: "the same in smaller steps", run: (_, key) => moveLimits(key === "}" ? 0.001 : -0.001) },
  { keys: ["r"], text: "thresholds as tuned in training", run: () => change({ limits: new Map() }) },
  {
    keys: [".", ","],
    text: "more, less opaque",
    run: (_, key) => change({ opacity: Math.min(1, Math.max(0, Math.round((state.opacity + (key === "." ? 0.05 : -0.05)) * 100) / 100)) }),
  },
  { keys: ["h"], text: "hide all colors, and show them again", run: () => ((isHidden = !isHidden), redraw()) },
  { keys: [..."123456789"], shown: "1 ... 9", text: "a class on and off", run: (_, key) => switchClass(Number(key)) },
  { keys: ["v", "V"], text: "next, previous view", run: (_, key) => nextView(key === "v" ? 1 : -1) },
  { keys: ["s"], text: "next order of the images", run: () => chooseNext("sort") },
  { keys: ["f"], text: "missed lesions only", run: () => change({ missed: !state.missed }) },
  { keys: ["m"], text: "next model", run: () => chooseNext("model") },
  { keys: ["u"], text: "choose images", run: () => byId("files").click() },
  { keys: ["d"], text: "download the mask", run: () => save("mask") },
  { keys: ["o"], text: "download the overlay", run: () => save("overlay") },
  { keys: ["l"], text: "download the shapes", run: () => save("shapes") },
  { keys: ["?"], text: "this help", run: () => byId("help").showModal() },
];

function listen() {
  const on = (id, type, run) => byId(id).addEventListener(type, run);
  on("model", "change", (event) => change({ model: event.target.value, limits: new Map() }));
  on("opacity", "input", (event) => change({ opacity: Number(event.target.value) }));
  on("own-colors", "change", (event) => change({ own: event.target.checked }));
  on("files", "change", (event) => {
    take(event.target.files);
    event.target.value = "";
  });
  on("previous", "click", () => step(-1));
  on("next", "click", () => step(1));
  on("zoom-in", "click", () => viewer.zoomIn());
  on("zoom-out", "click", () => viewer.zoomOut());
  on("zoom-fit", "click", () => viewer.look(null));
  on("save-mask", "click", () => save("mask"));
  on("save-overlay", "click", () => save("overlay"));
  on("save-shapes", "click", () => save("shapes"));
  on("open-help", "click", () => byId("help").showModal());
  on("close-help", "click", () => byId("help").close());
  on("views", "change", (event) => change({ view: event.target.value }));
  on("skip", "click", (event) => {
    event.preventDefault();
    (byId("viewer").querySelector(".frame") ?? byId("viewer")).focus();
  });
  addEventListener("popstate", readAddress);
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("dragging");
  });
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) document.body.classList.remove("dragging");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("dragging");
    take(event.dataTransfer.files);
  });
  document.addEventListener("paste", (event) => {
    if (event.clipboardData.files.length) take(event.clipboardData.files);
  });
  listenToKeys(KEYS);
}

async function start() {
  onTokenWanted(askForToken);
  state = useState(location.hash);
  byId("legend").replaceChildren(
    ...[...OUTCOMES].map(([, { name, color }]) => {
      const sample = element("span", { class: `sample ${name.split(" ")[0]}`, "aria-hidden": "true" });
      sample.style.setProperty("--color", color);
      return element("li", {}, sample, name);
    }),
  );
  server = await askJson("/api/model");
  byId("version").textContent = `maskforge ${server.version}`;
  byId("model").replaceChildren(...server.models.map(({ name }) => element("option", { value: name }, name)));
  byId("format").replaceChildren(...server.formats.map((name) => element("option", { value: name }, name)));
  listen();
  if (server.dataset) {
    byId("set-part").hidden = false;
    byId("set-title").textContent = `${server.dataset.name} (${server.dataset.images.toLocaleString("en")})`;
  }
  useModel();
  if (server.dataset && !state.image) {
    await listed;
    if (!image && set.images.length) change({ image: set.images[0].id });
  }
}

start().catch(report);
