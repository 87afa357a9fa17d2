/** Images that can be looked at: those of the data set, and those that were chosen here. */

import { ask, askArray, askImage } from "./api.js";

const MOST_KEPT = 512 * 2 ** 20;

/** An image that was chosen, dropped or pasted; nothing of it stays on the server. */
export class SentImage {
  constructor(file, number) {
    this.file = file;
    this.id = "";
    this.key = `sent-${number}`;
    this.name = file.name || "pasted image";
    this.hasTruth = false;
    this.failure = "";
    this.found = null;
  }

  pixels(model) {
    return askImage("/api/predict", { model, answer: "image" }, { body: this._form() });
  }

  planes(model) {
    return askArray("/api/predict", { model, answer: "probabilities" }, { body: this._form() });
  }

  mask(model, threshold) {
    return ask("/api/predict", { model, threshold }, { body: this._form() });
  }

  shapes(model, threshold, format) {
    return ask("/api/predict", { model, threshold, format, answer: "shapes" }, { body: this._form() });
  }

  _form() {
    const form = new FormData();
    form.append("image", this.file, this.name);
    return form;
  }
}

/** An image of the data set. */
export class SetImage {
  constructor(id, name) {
    this.id = id;
    this.key = `set-${id}`;
    this.name = name;
    this.hasTruth = true;
    this._path = `/api/images/${encodeURIComponent(id)}`;
  }

  pixels(model) {
    return askImage(`${this._path}/image`, { model });
  }

  planes(model) {
    return askArray(`${this._path}/probabilities.bin`, { model });
  }

  truth(model) {
    return askArray(`${this._path}/truth.bin`, { model });
  }

  mask(model, threshold) {
    return ask(`${this._path}/prediction.png`, { model, threshold });
  }

  shapes(model, threshold, format) {
    return ask(`${this._path}/shapes`, { model, threshold, format });
  }
}

/** What is kept of the images that were looked at last. */
export class Kept {
  constructor() {
    this._found = new Map();
  }

  /**
   * Return what is needed to show an image.
   * @param {SentImage|SetImage} image The image.
   * @param {{name: string, digest: string}} model The model.
   * @returns {Promise<{pixels: ImageBitmap, planes: Planes, truth: ?TypedArray, problem: ?Error}>}
   *     The problem is why there is no truth.
   */
  get(image, model) {
    const key = `${model.digest} ${image.key}`;
    const known = this._found.get(key) ?? { promise: load(image, model.name), size: 0 };
    this._found.delete(key);
    this._found.set(key, known);
    known.promise.then(
      (found) => {
        known.size = found.planes.values.byteLength + 6 * found.pixels.width * found.pixels.height;
        this._forget(key);
      },
      () => this._found.delete(key),
    );
    return known.promise;
  }

  _forget(latest) {
    let total = 0;
    for (const [key, { size }] of [...this._found].reverse()) {
      total += size;
      if (total > MOST_KEPT && key !== latest) this._found.delete(key);
    }
  }
}

async function load(image, model) {
  let problem = null;
  const [pixels, planes, truth] = await Promise.all([
    image.pixels(model),
    image.planes(model),
    image.hasTruth ? image.truth(model).catch((error) => (problem = error) && null) : null,
  ]);
  const [, height, width] = planes.sides;
  return { pixels, planes: { values: planes.values, width, height }, truth: truth && truth.values, problem };
}
