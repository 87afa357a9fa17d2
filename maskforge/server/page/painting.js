/** Masks as colors. */

import { CONFUSED, FOUND, INVENTED, MISSED } from "./comparison.js";

/** Of outcomes: from the palette of Okabe and Ito, as in the images of `maskforge evaluate`. */
export const OUTCOMES = new Map([
  [FOUND, { name: "found", color: "#009e73", pattern: "filled" }],
  [MISSED, { name: "missed", color: "#d55e00", pattern: "rising" }],
  [INVENTED, { name: "invented", color: "#56b4e9", pattern: "falling" }],
  [CONFUSED, { name: "of another class", color: "#f0e442", pattern: "checked" }],
]);

/** Of classes: those of the palette first that stand for no outcome. */
const PALETTE = ["#e69f00", "#cc79a7", "#0072b2", "#f0e442", "#009e73", "#56b4e9", "#d55e00"];

/** Return a color for the class of a number that everybody can tell from the others. */
export function safeColor(number, otherwise) {
  return PALETTE[number] ?? otherwise;
}

/**
 * Return a mask in colors, with the outline of every class.
 * @param {TypedArray} mask Class id of every pixel.
 * @param {number} width Of the image.
 * @param {Map<number, string>} colors Of the classes that are shown, as `#rrggbb`.
 * @param {number} opacity Of the colors inside the outlines, 0 to 1.
 * @param {number} outline Width of the outlines in pixels.
 * @returns {ImageData}
 */
export function paintMask(mask, width, colors, opacity, outline = 1) {
  return painted(mask, width, paintsOf(colors, opacity), outline, () => false);
}

/**
 * Return outcomes in colors and patterns.
 * @param {Uint8Array} outcomes What became of every pixel.
 * @param {number} width Of the image.
 * @param {number} opacity Of the colors inside the outlines, 0 to 1.
 * @param {number} outline Width of the outlines in pixels.
 * @param {number} period Pixels from one stripe to the next.
 * @returns {ImageData}
 */
export function paintOutcomes(outcomes, width, opacity, outline, period) {
  const colors = [...OUTCOMES].map(([value, { color }]) => [value, color]);
  const half = period / 2;
  const isBare = (value, x, y) => {
    if (value === MISSED) return (x + y) % period >= half;
    if (value === INVENTED) return (((x - y) % period) + period) % period >= half;
    return value === CONFUSED && (x % period < half) === (y % period < half);
  };
  return painted(outcomes, width, paintsOf(colors, opacity), outline, isBare);
}

/** Return by value what is inside, and its outline, which stays visible longer. */
function paintsOf(colors, opacity) {
  const strong = Math.min(1, 3 * opacity);
  return new Map(
    [...colors].map(([value, color]) => [value, [paint(color, opacity), paint(color, strong)]]),
  );
}

function painted(values, width, paints, outline, isBare) {
  const height = values.length / width;
  const image = new ImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  let last = -1;
  let pair = null;
  for (let at = 0; at < values.length; at++) {
    const value = values[at];
    if (value === 0) continue;
    if (value !== last) {
      last = value;
      pair = paints.get(value) ?? null;
    }
    if (pair === null) continue;
    const x = at % width;
    if (isNearEdge(values, width, at, x, outline)) pixels[at] = pair[1];
    else if (!isBare(value, x, (at - x) / width)) pixels[at] = pair[0];
  }
  return image;
}

/** Tell whether another value is at most so many pixels to the side, above or below. */
function isNearEdge(values, width, at, x, distance) {
  const value = values[at];
  for (let by = 1; by <= distance; by++) {
    const [above, below] = [at - by * width, at + by * width];
    if (x >= by && values[at - by] !== value) return true;
    if (x + by < width && values[at + by] !== value) return true;
    if (above >= 0 && values[above] !== value) return true;
    if (below < values.length && values[below] !== value) return true;
  }
  return false;
}

/** Return a color as ImageData holds it on little-endian machines. */
function paint(color, opacity) {
  const value = parseInt(color.slice(1), 16);
  const [red, green, blue] = [value >> 16, (value >> 8) & 255, value & 255];
  return ((Math.round(opacity * 255) << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}
