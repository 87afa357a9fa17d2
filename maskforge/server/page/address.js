/** The state of the page, kept in the address so that a link leads to what one sees. */

const VIEWS = ["prediction", "truth", "difference", "side", "swipe"];
const SORTS = ["name", "dice", "missed", "uncertainty"];
const OPACITY = 0.35;

/**
 * @typedef {Object} State
 * @property {string} image Id of the image of the data set; empty for none.
 * @property {string} model Name of the model; empty for the first.
 * @property {string} sort Order of the images.
 * @property {string} part Only images of this part; empty for all.
 * @property {string} group Only images of this group; empty for all.
 * @property {boolean} missed Only images with a missed lesion.
 * @property {string} view What the panes show.
 * @property {?{scale: number, x: number, y: number}} where One looks; null for the whole image.
 * @property {Map<number, number>} limits Thresholds that differ from the model's, by class id.
 * @property {number} opacity Of the colors.
 * @property {Set<number>} off Classes that are not shown.
 * @property {boolean} own Whether classes have the colors of the class map.
 */

/** Return the state that an address holds; what cannot be used is left out. */
export function readState(hash) {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const text = (name) => given.get(name) ?? "";
  const choice = (name, all) => (all.includes(text(name)) ? text(name) : all[0]);
  const opacity = given.has("opacity") ? Number(text("opacity")) : OPACITY;
  return {
    image: text("image"),
    model: text("model"),
    sort: choice("sort", SORTS),
    part: text("part"),
    group: text("group"),
    missed: text("missed") === "1",
    view: choice("view", VIEWS),
    where: readPlace(text("at")),
    limits: new Map(
      pieces(text("threshold"))
        .map((one) => one.split(":").map(Number))
        .filter(([id, limit]) => Number.isInteger(id) && limit >= 0 && limit <= 1),
    ),
    opacity: opacity >= 0 && opacity <= 1 ? opacity : OPACITY,
    off: new Set(pieces(text("off")).map(Number).filter(Number.isInteger)),
    own: text("colors") === "own",
  };
}

/** Return the address of a state; what is as it is by default does not stand in it. */
export function writeState(state) {
  const { where, limits, off } = state;
  const values = {
    image: state.image,
    model: state.model,
    sort: state.sort === SORTS[0] ? "" : state.sort,
    part: state.part,
    group: state.group,
    missed: state.missed ? "1" : "",
    view: state.view === VIEWS[0] ? "" : state.view,
    at: where ? [where.scale, where.x, where.y].map((one) => +one.toFixed(3)).join(",") : "",
    threshold: [...limits].map((one) => one.join(":")).join(","),
    opacity: state.opacity === OPACITY ? "" : String(state.opacity),
    off: [...off].join(","),
    colors: state.own ? "own" : "",
  };
  const parameters = new URLSearchParams(Object.entries(values).filter(([, value]) => value !== ""));
  return `#${parameters}`;
}

function readPlace(text) {
  const [scale, x, y] = text.split(",").map(Number);
  return scale > 0 && scale <= 64 && Number.isFinite(x) && Number.isFinite(y) ? { scale, x, y } : null;
}

function pieces(text) {
  return text ? text.split(",") : [];
}
