/** Panes that show one image: together they zoom and move, down to single pixels. */

import { element } from "./dom.js";

const MOST = 64;
const STEP = 1.25;

/**
 * What a pane shows.
 * @typedef {{label: string, layers: string[]}} Pane Two layers are divided by a line that moves.
 *
 * Where one looks.
 * @typedef {{scale: number, x: number, y: number}} Place Screen pixels for a pixel of the image, and
 *     the point of the image in the middle.
 */

export class Viewer {
  /**
   * @param {HTMLElement} place Where the panes stand.
   * @param {{onmove: function(Place|null), onscale: function(), onpoint: function(?{x: number, y: number}),
   *     onpick: function({x: number, y: number})}} listeners Told when the view is moved, when the
   *     scale may be another, and which pixel the pointer is on or picks.
   */
  constructor(place, { onmove, onscale, onpoint, onpick }) {
    this._place = place;
    this._onmove = onmove;
    this._onscale = onscale;
    this._onpoint = onpoint;
    this._onpick = onpick;
    this._panes = [];
    this._image = null;
    this._layers = new Map();
    this._where = null;
    this._divide = 0.5;
    this._mark = null;
    this._pointers = new Map();
    new ResizeObserver(() => this._arrange()).observe(place);
  }

  /** Show an image, with no layers yet; the whole of it if no place is given. */
  setImage(bitmap, name, where = null) {
    this._image = bitmap;
    this._name = name;
    this._layers.clear();
    this._mark = null;
    this._where = where;
    for (const pane of this._panes) this._fill(pane);
    this._arrange();
  }

  /** Show nothing. */
  clear() {
    this._image = null;
    this.setPanes([]);
  }

  /** Set how many panes there are, and what each shows. */
  setPanes(panes) {
    const wanted = JSON.stringify(panes);
    if (wanted === this._wanted) return;
    this._wanted = wanted;
    const focused = this._panes.findIndex((one) => one.frame === document.activeElement);
    this._panes = panes.map((pane) => this._makePane(pane));
    this._place.replaceChildren(...this._panes.map((one) => one.figure));
    this._place.dataset.panes = panes.length;
    for (const pane of this._panes) this._fill(pane);
    this._arrange();
    if (focused >= 0) this._panes[0]?.frame.focus({ preventScroll: true });
  }

  /** Draw a layer; panes that show it follow. */
  setLayer(name, pixels) {
    this._layers.set(name, pixels);
    for (const pane of this._panes) this._drawLayer(pane, name);
  }

  /** Say in words what the panes show. */
  describe(text) {
    for (const { canvas, label } of this._panes) {
      canvas.setAttribute("aria-label", `${this._name}, ${label.toLowerCase()}: ${text}`);
    }
  }

  /** The scale at which one looks, and where; null if all of the image is shown. */
  get where() {
    return this._where;
  }

  get scale() {
    return this._where?.scale ?? this._fitting();
  }

  /** Look at a place; null shows the whole image. */
  look(where) {
    this._where = where;
    this._arrange();
    this._onmove(this._where);
  }

  /** Zoom by a factor, such that a point of the screen stays where it is. */
  zoom(factor, point = null) {
    if (!this._image) return;
    const before = this._placeNow();
    const least = Math.min(this._fitting(), 1);
    const scale = Math.min(MOST, Math.max(least, before.scale * factor));
    if (scale <= least && factor < 1 && least === this._fitting()) return this.look(null);
    const [dx, dy] = point ?? [0, 0];
    this.look(
      this._inside({
        scale,
        x: before.x + dx / before.scale - dx / scale,
        y: before.y + dy / before.scale - dy / scale,
      }),
    );
  }

  zoomIn() {
    this.zoom(STEP);
  }

  zoomOut() {
    this.zoom(1 / STEP);
  }

  /** Move by pixels of the screen. */
  pan(dx, dy) {
    if (this._where === null) return;
    const { scale, x, y } = this._placeNow();
    this.look(this._inside({ scale, x: x + dx / scale, y: y + dy / scale }));
  }

  /** Look at a box of the image, and mark it. */
  goTo({ left, top, right, bottom }) {
    const [width, height] = this._room();
    const fits = Math.min(width / (right - left), height / (bottom - top)) / 3;
    const scale = Math.min(12, Math.max(fits, this._fitting()));
    this.mark({ left, top, right, bottom });
    this.look(this._inside({ scale, x: (left + right) / 2, y: (top + bottom) / 2 }));
  }

  /** Mark a box; null removes the mark. */
  mark(box) {
    this._mark = box;
    this._arrange();
  }

  _makePane({ label, layers }) {
    const canvas = element("canvas", { class: "pixels", role: "img" });
    const overlays = new Map(
      layers.map((name) => [
        name,
        element("canvas", { class: "pixels", "data-layer": name, "aria-hidden": "true" }),
      ]),
    );
    const sheets = [...overlays.values()].map((one) => element("div", { class: "sheet" }, one));
    const mark = element("div", { class: "mark", hidden: true });
    const frame = element(
      "div",
      { class: "frame", tabindex: "0", role: "group", "aria-label": `${label}: + and - zoom, arrows move` },
      canvas,
      ...sheets,
      mark,
    );
    const pane = { label, canvas, overlays, sheets, mark, frame, divider: null };
    if (sheets.length === 2) frame.append((pane.divider = this._makeDivider(pane)));
    this._listen(pane);
    pane.figure = element("figure", { class: "pane" }, frame, element("figcaption", {}, label));
    return pane;
  }

  _makeDivider(pane) {
    const move = (to) => {
      this._divide = Math.min(1, Math.max(0, to));
      this._arrange();
    };
    const steps = { ArrowLeft: -0.02, ArrowRight: 0.02, PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1 };
    const divider = element(
      "div",
      {
        class: "divider",
        role: "slider",
        tabindex: "0",
        "aria-label": "Truth on the left, prediction on the right",
        "aria-valuemin": "0",
        "aria-valuemax": "100",
        onkeydown: (event) => {
          if (!(event.key in steps)) return;
          move(this._divide + steps[event.key]);
          event.preventDefault();
          event.stopPropagation();
        },
        onpointerdown: (event) => {
          divider.setPointerCapture(event.pointerId);
          event.stopPropagation();
        },
        onpointermove: (event) => {
          if (!divider.hasPointerCapture(event.pointerId)) return;
          const box = pane.frame.getBoundingClientRect();
          move((event.clientX - box.left) / box.width);
          event.stopPropagation();
        },
      },
      element("span", { class: "grip", "aria-hidden": "true" }),
    );
    return divider;
  }

  _fill(pane) {
    if (!this._image) return;
    const { width, height } = this._image;
    for (const canvas of [pane.canvas, ...pane.overlays.values()]) {
      canvas.width = width;
      canvas.height = height;
    }
    pane.canvas.getContext("2d").drawImage(this._image, 0, 0);
    for (const name of pane.overlays.keys()) this._drawLayer(pane, name);
  }

  _drawLayer(pane, name) {
    const canvas = pane.overlays.get(name);
    const pixels = this._layers.get(name);
    if (!canvas) return;
    if (pixels) canvas.getContext("2d").putImageData(pixels, 0, 0);
    else canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
  }

  /** Return width and height of a pane. */
  _room() {
    const frame = this._panes[0]?.frame;
    return frame ? [Math.max(1, frame.clientWidth), Math.max(1, frame.clientHeight)] : [1, 1];
  }

  _fitting() {
    if (!this._image) return 1;
    const [width, height] = this._room();
    return Math.min(MOST, width / this._image.width, height / this._image.height);
  }

  _placeNow() {
    const { width, height } = this._image;
    return this._where ?? { scale: this._fitting(), x: width / 2, y: height / 2 };
  }

  /** Return a place moved such that the image is not left behind. */
  _inside({ scale, x, y }) {
    const [width, height] = this._room();
    const limited = (middle, side, room) => {
      const half = room / scale / 2;
      return side <= 2 * half ? side / 2 : Math.min(side - half, Math.max(half, middle));
    };
    return {
      scale,
      x: limited(x, this._image.width, width),
      y: limited(y, this._image.height, height),
    };
  }

  _arrange() {
    if (!this._image) return;
    const { scale, x, y } = this._placeNow();
    const [width, height] = this._room();
    const exact = (value) => Math.round(value * devicePixelRatio) / devicePixelRatio;
    const [left, top] = [exact(width / 2 - x * scale), exact(height / 2 - y * scale)];
    for (const pane of this._panes) {
      pane.frame.dataset.isMoved = this._where !== null;
      for (const canvas of [pane.canvas, ...pane.overlays.values()]) {
        canvas.style.width = `${this._image.width * scale}px`;
        canvas.style.height = `${this._image.height * scale}px`;
        canvas.style.transform = `translate(${left}px, ${top}px)`;
        canvas.classList.toggle("exact", scale >= 1);
      }
      this._arrangeMark(pane.mark, left, top, scale);
      if (pane.divider) this._arrangeDivider(pane);
    }
    this._onscale();
  }

  _arrangeMark(mark, left, top, scale) {
    mark.hidden = this._mark === null;
    if (this._mark === null) return;
    const margin = 6;
    const box = this._mark;
    const [x, y] = [left + box.left * scale - margin, top + box.top * scale - margin];
    mark.style.transform = `translate(${x}px, ${y}px)`;
    mark.style.width = `${(box.right - box.left) * scale + 2 * margin}px`;
    mark.style.height = `${(box.bottom - box.top) * scale + 2 * margin}px`;
  }

  _arrangeDivider(pane) {
    const percent = this._divide * 100;
    pane.divider.style.left = `${percent}%`;
    pane.divider.setAttribute("aria-valuenow", Math.round(percent));
    pane.sheets[0].style.clipPath = `inset(0 ${100 - percent}% 0 0)`;
    pane.sheets[1].style.clipPath = `inset(0 0 0 ${percent}%)`;
  }

  _listen({ frame }) {
    const middle = (clientX, clientY) => {
      const box = frame.getBoundingClientRect();
      return [clientX - box.left - box.width / 2, clientY - box.top - box.height / 2];
    };
    const pixelAt = (event) => {
      if (!this._image) return null;
      const [dx, dy] = middle(event.clientX, event.clientY);
      const { scale, x, y } = this._placeNow();
      const pixel = { x: Math.floor(x + dx / scale), y: Math.floor(y + dy / scale) };
      const isInside =
        pixel.x >= 0 && pixel.y >= 0 && pixel.x < this._image.width && pixel.y < this._image.height;
      return isInside ? pixel : null;
    };
    frame.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        const pixels = event.deltaMode === 0 ? event.deltaY : event.deltaY * 30;
        const factor = Math.exp(-pixels * (event.ctrlKey ? 0.01 : 0.002)); // fingers on a touchpad
        this.zoom(factor, middle(event.clientX, event.clientY));
      },
      { passive: false },
    );
    frame.addEventListener("dblclick", (event) => {
      this.zoom(4, middle(event.clientX, event.clientY));
    });
    frame.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      frame.setPointerCapture(event.pointerId);
      this._pointers.set(event.pointerId, { x: event.clientX, y: event.clientY, moved: 0 });
    });
    frame.addEventListener("pointermove", (event) => {
      this._onpoint(pixelAt(event));
      const known = this._pointers.get(event.pointerId);
      if (!known) return;
      const others = [...this._pointers].filter(([id]) => id !== event.pointerId);
      const now = { x: event.clientX, y: event.clientY };
      if (others.length === 0) this.pan(known.x - now.x, known.y - now.y);
      else this._pinch(known, now, others[0][1], middle);
      const moved = known.moved + Math.abs(now.x - known.x) + Math.abs(now.y - known.y);
      this._pointers.set(event.pointerId, { ...now, moved });
    });
    frame.addEventListener("pointerup", (event) => {
      const known = this._pointers.get(event.pointerId);
      this._pointers.delete(event.pointerId);
      const pixel = pixelAt(event);
      if (known && known.moved < 4 && pixel) this._onpick(pixel);
    });
    frame.addEventListener("pointercancel", (event) => this._pointers.delete(event.pointerId));
    frame.addEventListener("pointerleave", () => this._onpoint(null));
  }

  _pinch(before, now, other, middle) {
    const spread = (one) => Math.hypot(one.x - other.x, one.y - other.y) || 1;
    const center = middle((now.x + other.x) / 2, (now.y + other.y) / 2);
    this.pan((before.x - now.x) / 2, (before.y - now.y) / 2);
    this.zoom(spread(now) / spread(before), center);
  }
}
