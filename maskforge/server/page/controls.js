/** Buttons, keys, drop and paste. */

import { announce, byId } from "./dom.js";

/**
 * Listen to buttons and fields, and take in files.
 * @param {Object} page What they do.
 */
export function listen(page) {
  const on = (id, type, run) => byId(id).addEventListener(type, run);
  on("model", "change", (event) => page.change({ model: event.target.value, limits: new Map() }));
  on("opacity", "input", (event) => page.change({ opacity: Number(event.target.value) }));
  on("own-colors", "change", (event) => page.change({ own: event.target.checked }));
  on("files", "change", (event) => {
    page.take(event.target.files);
    event.target.value = "";
  });
  on("previous", "click", () => page.step(-1));
  on("next", "click", () => page.step(1));
  on("zoom-in", "click", () => page.viewer.zoomIn());
  on("zoom-out", "click", () => page.viewer.zoomOut());
  on("zoom-fit", "click", () => page.viewer.look(null));
  on("save-mask", "click", () => page.save("mask"));
  on("save-overlay", "click", () => page.save("overlay"));
  on("save-shapes", "click", () => page.save("shapes"));
  on("open-help", "click", () => byId("help").showModal());
  on("close-help", "click", () => byId("help").close());
  on("views", "change", (event) => page.change({ view: event.target.value }));
  on("skip", "click", (event) => {
    event.preventDefault();
    (byId("viewer").querySelector(".frame") ?? byId("viewer")).focus();
  });
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
    page.take(event.dataTransfer.files);
  });
  document.addEventListener("paste", (event) => {
    if (event.clipboardData.files.length) page.take(event.clipboardData.files);
  });
}

const MOVES = { ArrowLeft: [-60, 0], ArrowRight: [60, 0], ArrowUp: [0, -60], ArrowDown: [0, 60] };

/** Return what the keys do, for `listenToKeys`. */
export function keysOf(page) {
  const { viewer, lesions } = page;
  /** Return what two keys do: the first one in one direction, the second in the other. */
  const both = (run, step = 1) => (_, key, keys) => run(key === keys[0] ? step : -step);
  const moreOpaque = (by) => {
    const opacity = Math.round((page.state.opacity + by) * 100) / 100;
    page.change({ opacity: Math.min(1, Math.max(0, opacity)) });
  };
  return [
    { keys: ["j", "k"], text: "next, previous image", run: both(page.step) },
    { keys: ["n", "p"], text: "next, previous lesion", run: both((by) => lesions.step(by)) },
    { keys: ["+", "="], shown: "+", text: "zoom in", run: () => viewer.zoomIn() },
    { keys: ["-"], text: "zoom out", run: () => viewer.zoomOut() },
    { keys: ["0"], text: "the whole image", run: () => viewer.look(null) },
    { keys: ["x"], text: "pixel for pixel", run: () => viewer.zoom(1 / viewer.scale) },
    {
      keys: Object.keys(MOVES),
      shown: "← → ↑ ↓",
      text: "move, on the image",
      run: (_, key) => viewer.pan(...MOVES[key]),
    },
    { keys: ["]", "["], text: "higher, lower thresholds", run: both(page.moveLimits, 0.01) },
    { keys: ["}", "{"], text: "the same in smaller steps", run: both(page.moveLimits, 0.001) },
    { keys: ["r"], text: "thresholds as tuned", run: () => page.change({ limits: new Map() }) },
    { keys: [".", ","], text: "more, less opaque", run: both(moreOpaque, 0.05) },
    { keys: ["h"], text: "hide or show all colors", run: page.hide },
    {
      keys: [..."123456789"],
      shown: "1 … 9",
      text: "a class on and off",
      run: (_, key) => page.switchClassAt(Number(key) - 1),
    },
    { keys: ["v", "V"], text: "next, previous view", run: both(page.nextView) },
    { keys: ["s"], text: "next order of the images", run: () => chooseNext("sort") },
    {
      keys: ["f"],
      text: "missed lesions only",
      run: () => page.change({ missed: !page.state.missed }),
    },
    { keys: ["m"], text: "next model", run: () => chooseNext("model") },
    { keys: ["u"], text: "choose images", run: () => byId("files").click() },
    { keys: ["d"], text: "download the mask", run: () => page.save("mask") },
    { keys: ["o"], text: "download the overlay", run: () => page.save("overlay") },
    { keys: ["l"], text: "download the shapes", run: () => page.save("shapes") },
    { keys: ["?"], text: "this help", run: () => byId("help").showModal() },
  ];
}

function chooseNext(id) {
  const select = byId(id);
  if (select.options.length < 2) return;
  select.selectedIndex = (select.selectedIndex + 1) % select.options.length;
  select.dispatchEvent(new Event("change"));
  announce(select.selectedOptions[0].textContent);
}
