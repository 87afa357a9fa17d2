/** The image that is looked at: decided, drawn, counted and saved as the state wants it. */

import { compare } from "./comparison.js";
import { decide, maskOf } from "./decision.js";
import { announce, byId, count, score } from "./dom.js";
import { paintMask, paintOutcomes, safeColor } from "./painting.js";
import { saveCanvas, saveReply } from "./saving.js";
import { showScores } from "./scores.js";

const QUICK = 40;
const LATER = 150;

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

/** Return the colors of the classes of a model, by id. */
export function colorsOf(model, areOwn) {
  const color = (one, number) => (areOwn ? one.color : safeColor(number, one.color));
  return new Map(model.classes.map((one, number) => [one.id, color(one, number)]));
}

/** Return what decides about a model's probabilities. */
export function ruleOf(model, limits) {
  return {
    head: model.head,
    channels: model.channels,
    limits: new Map(model.classes.map((one) => [one.id, limits.get(one.id) ?? one.threshold])),
    ids: new Map(model.classes.map((one) => [one.name, one.id])),
    rules: new Map(
      model.classes.flatMap((one) => (one.post_processing ? [[one.id, one.post_processing]] : [])),
    ),
  };
}

export class ShownImage {
  /**
   * @param {{viewer: Viewer, classes: Classes, lesions: LesionList, oncount: function(number)}} parts
   *     Where it is shown; the last is told how many lesions are marked.
   */
  constructor({ viewer, classes, lesions, oncount }) {
    this._viewer = viewer;
    this._classes = classes;
    this._lesions = lesions;
    this._oncount = oncount;
    this._isHidden = false;
    this._compared = [];
    this.clear();
  }

  /** Forget the image. */
  clear() {
    cancelAnimationFrame(this._frame);
    clearTimeout(this._timer);
    this._found = null;
    this._result = null;
    this._lasted = 0;
  }

  /** Whether there is an image, and a truth of it. */
  get hasTruth() {
    return Boolean(this._found?.truth);
  }

  /**
   * Show an image.
   * @param {SentImage|SetImage} image The image.
   * @param {Object} found What `Kept` has of it.
   * @param {Object} model Whose prediction that is.
   * @param {State} state How it is shown.
   */
  show(image, found, model, state) {
    this.clear();
    this._image = image;
    this._found = found;
    this._model = model;
    this._state = state;
    this.showView();
    this._viewer.setImage(found.pixels, image.name, state.where);
    this.draw(state, () => (byId("viewer").dataset.shown = image.key));
  }

  /** Set which classes the truth knows. */
  compareWith(ids) {
    if (ids.join() === this._compared.join()) return;
    this._compared = ids;
    this.draw(this._state);
  }

  /** Hide all colors, or show them again. */
  hide() {
    this._isHidden = !this._isHidden;
    this.draw(this._state);
  }

  /** Show the panes that the state wants, if there is a truth for them; return the next view. */
  showView(by = 0) {
    const names = Object.keys(PANES);
    const now = this.hasTruth ? this._state.view : names[0];
    byId("views").hidden = !this.hasTruth;
    for (const box of document.querySelectorAll("input[name=view]")) box.checked = box.value === now;
    byId("legend").hidden = !PANES[now].some(({ layers }) => layers.includes("difference"));
    this._viewer.setPanes(PANES[now]);
    return names[(names.indexOf(now) + by + names.length) % names.length];
  }

  /** Draw what a state decides; the lists follow, on large images a moment later. */
  draw(state, then = () => {}) {
    this._state = state;
    if (this._found === null) return;
    cancelAnimationFrame(this._frame);
    clearTimeout(this._timer);
    const count = () => {
      this._count();
      then();
    };
    this._frame = requestAnimationFrame(() => {
      this._drawMasks();
      if (this._lasted < QUICK) count();
      else this._timer = setTimeout(count, LATER);
    });
  }

  /** Show the scale; outlines and stripes stay about as wide on the screen as they are. */
  showScale() {
    byId("scale").textContent = `${Math.round(this._viewer.scale * 100)} %`;
    if (this._result === null || String(this._widths) === String(this._widthsNow())) return;
    this._drawMasks();
    this._drawDifference();
  }

  /** Say what is at a pixel. */
  showPixel(pixel) {
    byId("pixel").textContent = pixel && this._found ? this._aboutPixel(pixel) : "";
  }

  /** Save the mask, the overlay or the shapes. */
  async save(what, threshold, format) {
    if (!this._found) return;
    const { name } = this._model;
    const stem = this._image.name.replace(/\.[^.]*$/, "").replaceAll("/", "-");
    if (what === "overlay") {
      saveCanvas(this._found.pixels, this._paint(this._beneath), `${stem}-overlay.png`);
    } else if (what === "mask") {
      await saveReply(await this._image.mask(name, threshold), `${stem}-mask.png`);
    } else {
      await saveReply(await this._image.shapes(name, threshold, format), `${stem}-${format}`);
    }
    announce(`${what} saved`);
  }

  _paint(mask, opacity = this._state.opacity, outline = 1) {
    const { own, off } = this._state;
    const colors = [...colorsOf(this._model, own)].filter(([id]) => !off.has(id));
    return paintMask(mask, this._found.planes.width, new Map(colors), opacity, outline);
  }

  _drawMasks() {
    const { planes, truth } = this._found;
    const { limits, off, opacity } = this._state;
    const rule = ruleOf(this._model, limits);
    const isUncovered = off.size > 0 && rule.head === "sigmoid";
    this._decided = decide(planes, rule);
    this._beneath = maskOf(planes, rule, this._decided, isUncovered ? off : new Set());
    this._widths = this._widthsNow();
    const [outline] = this._widths;
    const shown = this._isHidden ? 0 : opacity;
    this._viewer.setLayer("prediction", this._paint(this._beneath, shown, outline));
    if (truth) this._viewer.setLayer("truth", this._paint(truth, shown, outline));
  }

  _count() {
    const start = performance.now();
    const { planes, truth } = this._found;
    const { limits, off, own } = this._state;
    const compared = truth ? this._compared.filter((id) => !off.has(id)) : [];
    const rule = ruleOf(this._model, limits);
    const result = compare(planes, rule, this._decided, truth, compared);
    this._result = result;
    const lesions = result.lesions.filter((one) => !off.has(one.id));
    this._lesions.show(lesions, this._model.names, colorsOf(this._model, own));
    const marked = result.lesions.filter((one) => one.outcome !== "missed");
    for (const id of this._decided.keys()) {
      this._classes.tell(id, marked.filter((one) => one.id === id).length, result.pixels.get(id));
    }
    showScores(result, compared, this._model.names);
    this._drawDifference();
    const summary = inWords(result, lesions, compared.length > 0);
    this._viewer.describe(summary);
    announce(`${this._image.name}: ${summary}`);
    this._oncount(marked.length);
    this._lasted = performance.now() - start;
  }

  /** Return the width of outlines, and from stripe to stripe, in pixels of the image. */
  _widthsNow() {
    const { scale } = this._viewer;
    const outline = Math.min(8, Math.max(1, Math.ceil(1 / scale)));
    return [outline, Math.max(4, 2 ** Math.ceil(Math.log2(6 / scale)))];
  }

  _drawDifference() {
    if (!this._result.outcomes) return;
    const opacity = this._isHidden ? 0 : Math.min(1, this._state.opacity * 1.6);
    const { width } = this._found.planes;
    const layer = paintOutcomes(this._result.outcomes, width, opacity, ...this._widths);
    this._viewer.setLayer("difference", layer);
  }

  _aboutPixel({ x, y }) {
    const { values, width, height } = this._found.planes;
    const probabilities = this._model.classes.slice(0, 4).map(({ id, name }) => {
      const channel = this._model.channels.indexOf(id);
      return `${name} ${values[(channel * height + y) * width + x].toFixed(2)}`;
    });
    return [`x ${x}  y ${y}`, ...probabilities].join("   ");
  }
}

function inWords(result, lesions, isCompared) {
  const number = (outcome) => lesions.filter((one) => one.outcome === outcome).length;
  const missed = number("missed");
  const marked = lesions.length - missed;
  const found = marked ? `${count(marked, "lesion")} marked` : "nothing marked";
  if (!isCompared) return found;
  const invented = `${number("invented")} invented`;
  return [found, `${missed} of ${result.total} missed`, invented, `Dice ${score(result.dice)}`].join(", ");
}
