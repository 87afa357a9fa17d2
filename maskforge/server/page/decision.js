/** From probabilities to masks, by the rule of `maskforge predict`. */

import { postProcess } from "./post_processing.js";

/**
 * Probabilities of an image.
 * @typedef {{values: Float32Array, width: number, height: number}} Planes A plane for every channel.
 *
 * What decides.
 * @typedef {{head: string, channels: number[], limits: Map<number, number>,
 *     ids: Map<string, number>, rules: Map<number, PostProcessing>}} Rule `channels` are the class
 *     ids of the planes, `limits` the thresholds by class id, of a sigmoid head; `ids` are those of
 *     the classes without the background, by name.
 */

/** Return a plane of probabilities. */
export function planeOf(planes, channel) {
  const pixels = planes.width * planes.height;
  return planes.values.subarray(channel * pixels, (channel + 1) * pixels);
}

/**
 * Return where every class is; with a sigmoid head they may cover each other.
 * @param {Planes} planes The probabilities.
 * @param {Rule} rule What decides.
 * @returns {Map<number, Uint8Array>} 1 where it is, by class id.
 */
export function decide(planes, rule) {
  const isExclusive = rule.head === "softmax";
  const top = isExclusive ? mostProbable(planes, rule.channels) : null;
  const regions = new Map();
  for (const id of rule.ids.values()) {
    const plane = planeOf(planes, rule.channels.indexOf(id));
    const limit = Math.fround(rule.limits.get(id)); // as the server rounds it
    const reached = new Uint8Array(plane.length);
    for (let at = 0; at < plane.length; at++) {
      reached[at] = (isExclusive ? top[at] === id : plane[at] >= limit) ? 1 : 0;
    }
    regions.set(id, reached);
  }
  if (rule.rules.size) postProcess(regions, planes.width, rule.rules, rule.ids, isExclusive);
  return regions;
}

/**
 * Return the mask.
 * @param {Planes} planes The probabilities.
 * @param {Rule} rule What decides.
 * @param {Map<number, Uint8Array>} regions What `decide` returned.
 * @param {Set<number>} off Classes that are left out.
 * @returns {Uint16Array} Class id of every pixel; of several, that of the most probable class.
 */
export function maskOf(planes, rule, regions, off = new Set()) {
  const mask = new Uint16Array(planes.width * planes.height);
  const best = new Float32Array(mask.length).fill(-1);
  for (const [id, region] of regions) {
    if (off.has(id)) continue;
    const plane = planeOf(planes, rule.channels.indexOf(id));
    for (let at = 0; at < mask.length; at++) {
      if (region[at] && plane[at] > best[at]) {
        best[at] = plane[at];
        mask[at] = id;
      }
    }
  }
  return mask;
}

/** Return the id of the most probable class of every pixel, of equal ones the first. */
function mostProbable(planes, channels) {
  const top = new Uint16Array(planes.width * planes.height);
  const best = new Float32Array(top.length).fill(-1);
  channels.forEach((id, channel) => {
    const plane = planeOf(planes, channel);
    for (let at = 0; at < top.length; at++) {
      if (plane[at] > best[at]) {
        best[at] = plane[at];
        top[at] = id;
      }
    }
  });
  return top;
}
