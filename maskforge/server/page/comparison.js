/** Truth and prediction of an image: Dice, and lesions that were found, missed and invented. */

import { planeOf } from "./decision.js";
import { findRegions, meansIn } from "./regions.js";

export const FOUND = 1;
export const MISSED = 2;
export const INVENTED = 3;
export const CONFUSED = 4;

const VOID = 255;

/**
 * A lesion, in the prediction or missed by it.
 * @typedef {{id: number, outcome: string, score: number|null} & Region} Lesion `id` is that of its
 *     class; `outcome` is `found`, `missed`, `invented`, or empty without a truth.
 */

/**
 * Return what is in an image.
 * @param {Planes} planes The probabilities.
 * @param {Rule} rule What decides.
 * @param {Map<number, Uint8Array>} decided What `decide` returned.
 * @param {Uint8Array|Uint16Array|null} truth Class id of every pixel, if it is known.
 * @param {number[]} compared The classes that the truth knows.
 * @returns {{lesions: Lesion[], pixels: Map<number, number>, outcomes: Uint8Array|null,
 *     dice: number|null, dices: Map<number, number|null>, total: number}} Pixels and Dice by class;
 *     `total` counts the lesions of the truth.
 */
export function compare(planes, rule, decided, truth, compared) {
  const lesions = [];
  const pixels = new Map();
  const dices = new Map();
  const all = [0, 0];
  let total = 0;
  const map = truth && new OutcomeMap(truth);
  for (const [id, region] of decided) {
    const predicted = region.slice();
    const plane = planeOf(planes, rule.channels.indexOf(id));
    const isCompared = truth !== null && compared.includes(id);
    pixels.set(id, countOnes(predicted));
    if (isCompared) clearVoid(predicted, truth);
    const found = findRegions(predicted, planes.width);
    const scores = meansIn(found, plane);
    const outcomes = new Array(found.regions.length).fill("");
    if (isCompared) {
      const actual = truth.map((value) => (value === id ? 1 : 0));
      const drawn = findRegions(actual, planes.width);
      const [both, hit, hits] = overlaps(found, drawn);
      found.regions.forEach((region, at) => (outcomes[at] = hits.has(region.number) ? "found" : "invented"));
      const missed = drawn.regions.filter((region) => !hit.has(region.number));
      const means = meansIn(drawn, plane);
      lesions.push(
        ...missed.map((one) => ({ ...one, id, outcome: "missed", score: means[one.number - 1] })),
      );
      const sizes = countOnes(predicted) + countOnes(actual);
      dices.set(id, sizes ? (2 * both) / sizes : null);
      all[0] += 2 * both;
      all[1] += sizes;
      total += drawn.regions.length;
      map.add(id, predicted);
    }
    found.regions.forEach((region, at) =>
      lesions.push({ ...region, id, outcome: outcomes[at], score: scores[at] }),
    );
  }
  lesions.sort((one, other) => other.area - one.area || one.top - other.top || one.left - other.left);
  return {
    lesions,
    pixels,
    dices,
    total,
    dice: all[1] ? all[0] / all[1] : null,
    outcomes: map && map.outcomes(compared),
  };
}

/** Return the number of common pixels, and the regions of both sides that have some. */
function overlaps(found, drawn) {
  const hit = new Set();
  const hits = new Set();
  let both = 0;
  for (let at = 0; at < found.numbers.length; at++) {
    if (!found.numbers[at] || !drawn.numbers[at]) continue;
    both++;
    hits.add(found.numbers[at]);
    hit.add(drawn.numbers[at]);
  }
  return [both, hit, hits];
}

function clearVoid(plane, truth) {
  for (let at = 0; at < plane.length; at++) if (truth[at] === VOID) plane[at] = 0;
}

function countOnes(plane) {
  let found = 0;
  for (let at = 0; at < plane.length; at++) found += plane[at];
  return found;
}

/** Gathers what became of every pixel, class by class. */
class OutcomeMap {
  constructor(truth) {
    this._truth = truth;
    this._classes = new Uint16Array(truth.length);
    this._hits = new Uint8Array(truth.length);
  }

  /** Take in where a class was predicted. */
  add(id, predicted) {
    for (let at = 0; at < predicted.length; at++) {
      if (!predicted[at]) continue;
      this._classes[at]++;
      if (this._truth[at] === id) this._hits[at] = 1;
    }
  }

  /** Return found, missed, invented or of another class, and 0 elsewhere. */
  outcomes(compared) {
    const known = new Set(compared);
    return Uint8Array.from(this._truth, (value, at) => {
      const isThere = known.has(value);
      const classes = this._classes[at];
      if (!classes) return isThere ? MISSED : 0;
      if (!isThere) return INVENTED;
      return classes === 1 && this._hits[at] ? FOUND : CONFUSED;
    });
  }
}
