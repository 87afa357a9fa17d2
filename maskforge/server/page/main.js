/** The page: its state, and what follows from every change. */

import { readState, writeState } from "./address.js";
import { askJson, onTokenWanted, setToken } from "./api.js";
import { Classes } from "./classes.js";
import { compare } from "./comparison.js";
import { keysOf, listen } from "./controls.js";
import { decide } from "./decision.js";
import { announce, byId, count, element, score } from "./dom.js";
import { EvaluationPart } from "./evaluation.js";
import { Kept, SentImage, SetImage } from "./images.js";
import { listenToKeys } from "./keys.js";
import { LesionList } from "./lesion_list.js";
import { OUTCOMES } from "./painting.js";
import { askForToken, report } from "./problems.js";
import { SentList } from "./sent_list.js";
import { SetList } from "./set_list.js";
import { ShownImage, colorsOf, ruleOf } from "./shown_image.js";
import { Viewer } from "./viewer.js";

const ADDRESS_DELAY = 200; // browsers refuse many changes of an address in a row

let server = null;
let model = null;
let state = readState("");
let image = null;
let turn = 0;
let addressTimer = 0;
let measured = -1;
let offered = null;
let listed = null;

const kept = new Kept();
const viewer = new Viewer(byId("viewer"), {
  onmove: (where) => change({ where }),
  onscale: () => shown.showScale(),
  onpoint: (pixel) => shown.showPixel(pixel),
  onpick: (pixel) => viewer.mark(lesions.pickAt(pixel)),
});
const classes = new Classes({ onlimit: setLimit, onswitch: switchClass });
const lesions = new LesionList((one) => {
  lookUp();
  viewer.goTo(one);
  const { id, outcome, area } = one;
  const probability = `probability ${score(one.score)}`;
  announce([model.names.get(id), outcome, count(area, "pixel"), probability].join(" "));
});
const shown = new ShownImage({
  viewer,
  classes,
  lesions,
  oncount: (found) => {
    image.found = found;
    if (image instanceof SentImage) sent.update();
  },
});
const sent = new SentList(open);
const set = new SetList({ onpick: openOfSet, onfilter: change, onproblem: report });
const evaluation = new EvaluationPart({ onprogress: followProgress, onproblem: report });

/** Change the state, and all that follows from it. */
function change(changes, { isStep = false } = {}) {
  const before = state;
  state = { ...state, ...changes };
  clearTimeout(addressTimer);
  if (isStep) history.pushState(null, "", writeState(state));
  else addressTimer = setTimeout(() => history.replaceState(null, "", writeState(state)), ADDRESS_DELAY);
  follow(before);
}

function follow(before) {
  const differs = (...names) => names.some((name) => before[name] !== state[name]);
  if (differs("model")) return useModel();
  if (server.dataset && differs("sort", "part", "group", "missed")) set.show(state, model.name);
  if (differs("own")) classes.show(model, colorsOf(model, state.own));
  if (differs("own", "limits", "off", "opacity")) showControls();
  if (differs("image") && state.image !== (image?.id ?? "")) {
    return state.image && open(imageOfSet(state.image));
  }
  if (!image) return undefined;
  if (differs("limits", "off", "opacity", "own", "view")) shown.draw(state);
  if (differs("view")) shown.showView();
  return undefined;
}

/** Take over the state in the address, where somebody may have put another. */
function readAddress() {
  const before = state;
  state = takeToken(location.hash);
  follow(before);
  if (state.image === before.image) viewer.look(state.where);
}

/** Return the state in an address; a token in it is taken out. */
function takeToken(hash) {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  if (given.has("token")) {
    setToken(given.get("token"));
    given.delete("token");
    history.replaceState(null, "", `#${given}`);
  }
  return readState(`#${given}`);
}

function showControls() {
  classes.update(state.limits, state.off);
  byId("opacity").value = state.opacity;
  byId("opacity-value").textContent = `${Math.round(state.opacity * 100)} %`;
  byId("own-colors").checked = state.own;
}

// Models

function useModel() {
  model = server.models.find((one) => one.name === state.model) ?? server.models[0];
  model.names ??= new Map(model.classes.map((one) => [one.id, one.name]));
  byId("model").value = model.name;
  const trained = model.created && `trained ${model.created.slice(0, 10)} · `;
  const isProcessed = model.classes.some((one) => one.post_processing);
  byId("facts").textContent = trained + model.runtime + (isProcessed ? " · post-processed" : "");
  state.limits = new Map([...state.limits].filter(([id]) => model.names.has(id) && model.head === "sigmoid"));
  state.off = new Set([...state.off].filter((id) => model.names.has(id)));
  classes.show(model, colorsOf(model, state.own));
  showControls();
  shown.clear();
  if (server.dataset) {
    offered = set.offerFilters(model.name).catch(report);
    listed = offered.then(() => set.show(state, model.name));
    evaluation.show(model.name);
  }
  if (state.image && image?.id !== state.image) offered?.then(() => open(imageOfSet(state.image)));
  else if (image) open(image);
}

/** Take up newer models when somebody comes back to the page. */
async function refresh() {
  if (document.hidden) return;
  const digests = ({ models }) => models.map((one) => one.digest).join();
  const before = digests(server);
  server = await askJson("/api/model");
  if (digests(server) !== before) useModel();
}

function setLimit(id, limit) {
  const limits = new Map(state.limits);
  if (limit === null) limits.delete(id);
  else limits.set(id, limit);
  change({ limits });
}

function switchClass(id, isOn = state.off.has(id)) {
  const off = new Set(state.off);
  if (isOn) off.delete(id);
  else off.add(id);
  change({ off });
}

/** Move the thresholds of all classes that are shown. */
function moveLimits(by) {
  const limits = new Map(state.limits);
  for (const one of model.classes) {
    if (one.threshold === null || state.off.has(one.id)) continue;
    const limit = (limits.get(one.id) ?? one.threshold) + by;
    limits.set(one.id, Math.min(1, Math.max(0, Math.round(limit * 1000) / 1000)));
  }
  change({ limits });
}

function followProgress(found) {
  shown.compareWith(found.compared);
  if (measured !== found.measured && measured >= 0) set.refresh();
  measured = found.measured;
}

// Images

function imageOfSet(id) {
  return new SetImage(id, set.names?.get(id) ?? id);
}

/** Bring the image back into view, where lists stand below it. */
function lookUp() {
  byId("viewer").scrollIntoView({ block: "nearest" });
}

function openOfSet(id) {
  change({ image: id, where: null }, { isStep: true });
}

/** Load an image and show it; return whether that could be done. */
async function open(wanted) {
  const mine = ++turn;
  const isFirst = image === null;
  image = wanted;
  if (image.id !== state.image) change({ image: image.id, where: null }, { isStep: true });
  set.select(image.id);
  sent.select(image);
  byId("empty").hidden = true;
  byId("name").textContent = image.name;
  byId("busy").hidden = false;
  byId("busy").textContent = `Predicting ${image.name} ...`;
  byId("viewer").classList.add("old");
  const found = await load(image);
  if (mine !== turn) return found !== null;
  byId("busy").hidden = true;
  byId("viewer").classList.remove("old");
  if (found === null) {
    showNothing();
    return false;
  }
  if (found.problem) report(found.problem);
  byId("panel").hidden = false;
  shown.show(image, found, model, state);
  if (!isFirst) lookUp(); // what stands above it may have come or gone
  return true;
}

function showNothing() {
  shown.clear();
  viewer.clear();
  for (const id of ["panel", "views", "legend"]) byId(id).hidden = true;
  byId("scale").textContent = "";
}

/** Return what is needed to show an image; null, with a message, if that cannot be had. */
async function load(wanted) {
  try {
    const found = await kept.get(wanted, model);
    wanted.failure = "";
    return found;
  } catch (error) {
    wanted.failure = error.message;
    report(error, wanted.name);
    return null;
  } finally {
    sent.update();
  }
}

/** Take in files, and predict them one after the other; the first that can be read is shown. */
async function take(files) {
  const chosen = [...files]; // the browser empties its list
  await started;
  let isShown = false;
  for (const one of sent.add(chosen)) {
    if (isShown) await countLesions(one);
    else isShown = await open(one);
  }
}

async function countLesions(one) {
  const found = await load(one);
  if (found === null) return;
  const rule = ruleOf(model, state.limits);
  const decided = decide(found.planes, rule);
  one.found = compare(found.planes, rule, decided, null, []).lesions.length;
  sent.update();
}

/** Show the next image of the lists, or the one before. */
function step(by) {
  const all = [...sent.images, ...set.images];
  if (!all.length) return;
  const at = all.findIndex((one) => (image?.id ? one.id === image.id : one === image));
  const next = all[at < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at + by))];
  if (next instanceof SentImage) open(next);
  else openOfSet(next.id);
}

// The rest

/** Save the mask, the overlay or the shapes of the image. */
async function save(what) {
  const given = [...state.limits].map(([id, limit]) => `${model.names.get(id)}=${limit}`);
  try {
    await shown.save(what, given.length ? given.join(",") : null, byId("format").value);
  } catch (error) {
    report(error, image.name);
  }
}

function showLegend() {
  const entries = [...OUTCOMES.values()].map(({ name, color, pattern }) => {
    const sample = element("span", { class: `sample ${pattern}`, "aria-hidden": "true" });
    sample.style.setProperty("--color", color);
    return element("li", {}, sample, name);
  });
  byId("legend").replaceChildren(...entries);
}

async function start() {
  onTokenWanted(askForToken);
  showLegend();
  state = takeToken(location.hash);
  const page = {
    get state() {
      return state;
    },
    switchClassAt: (number) => model.classes[number] && switchClass(model.classes[number].id),
    nextView: (by) => shown.hasTruth && change({ view: shown.showView(by) }),
    hide: () => shown.hide(),
    ...{ change, lesions, moveLimits, save, step, take, viewer },
  };
  listen(page);
  server = await askJson("/api/model");
  byId("version").textContent = `maskforge ${server.version}`;
  const options = (names) => names.map((name) => element("option", { value: name }, name));
  byId("model").replaceChildren(...options(server.models.map((one) => one.name)));
  byId("format").replaceChildren(...options(server.formats));
  byId("empty").hidden = server.dataset !== null;
  if (server.dataset) {
    byId("set-part").hidden = false;
    byId("set-title").textContent = `${server.dataset.name} (${server.dataset.images.toLocaleString("en")})`;
  }
  useModel();
  listenToKeys(keysOf(page));
  addEventListener("popstate", readAddress);
  document.addEventListener("visibilitychange", () => refresh().catch(report));
}

async function openFirst() {
  await started;
  await listed;
  if (!image && !state.image && set.images.length) change({ image: set.images[0].id });
}

const started = start();
started.then(openFirst).catch(report);
