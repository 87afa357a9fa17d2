/** From probabilities to masks, by the rule of `maskforge predict`. */

/**
 * Probabilities of an image.
 * @typedef {{values: Float32Array, width: number, height: number}} Planes A plane for every channel.
 *
 * What decides.
 * @typedef {{head: string, channels: number[], limits: Map<number, number>}} Rule `channels` are
 *     the class ids of the planes, `limits` the thresholds by class id, of a sigmoid head.
 */

/** Return a plane of probabilities. */
export function planeOf(planes, channel) {
  const pixels = planes.width * planes.height;
  return planes.values.subarray(channel * pixels, (channel + 1) * pixels);
}

/**
 * Return the mask.
 * @param {Planes} planes The probabilities.
 * @param {Rule} rule What decides.
 * @param {Set<number>} off Classes that are left out.
 * @returns {Uint16Array} Class id of every pixel; of several, that of the most probable class.
 */
export function decideMask(planes, rule, off = new Set()) {
  const pixels = planes.width * planes.height;
  const mask = new Uint16Array(pixels);
  const best = new Float32Array(pixels).fill(-1);
  rule.channels.forEach((id, channel) => {
    if (off.has(id)) return;
    const plane = planeOf(planes, channel);
    const limit = limitOf(rule, id);
    for (let at = 0; at < pixels; at++) {
      const probability = plane[at];
      if (probability >= limit && probability > best[at]) {
        best[at] = probability;
        mask[at] = id;
      }
    }
  });
  return mask;
}

/**
 * Return where a class is, whether or not another covers it.
 * @param {Planes} planes The probabilities.
 * @param {Rule} rule What decides.
 * @param {number} id The class.
 * @param {Uint16Array} mask What `decideMask` returned.
 * @returns {Uint8Array} 1 where it is.
 */
export function decidePlane(planes, rule, id, mask) {
  const reached = new Uint8Array(mask.length);
  if (rule.head === "softmax") {
    for (let at = 0; at < mask.length; at++) reached[at] = mask[at] === id ? 1 : 0;
    return reached;
  }
  const plane = planeOf(planes, rule.channels.indexOf(id));
  const limit = limitOf(rule, id);
  for (let at = 0; at < mask.length; at++) reached[at] = plane[at] >= limit ? 1 : 0;
  return reached;
}

/** Return the smallest probability with which a pixel has a class, as the server rounds it. */
function limitOf(rule, id) {
  return rule.head === "softmax" ? -1 : Math.fround(rule.limits.get(id));
}
