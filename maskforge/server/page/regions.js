/** Connected regions. */

/**
 * @typedef {{number: number, area: number, left: number, top: number, right: number,
 *     bottom: number}} Region Its number, its pixels, and its box; right and bottom are outside.
 */

/**
 * Return the regions of connected pixels.
 * @param {Uint8Array} plane 1 inside.
 * @param {number} width Of the image.
 * @param {boolean} atCorners Whether pixels that touch at a corner are connected.
 * @returns {{numbers: Int32Array, regions: Region[]}} Number of the region of every pixel, from 1
 *     in reading order, and the regions in that order.
 */
export function findRegions(plane, width, atCorners = true) {
  const numbers = new Int32Array(plane.length);
  const parents = [0];
  const rootOf = (number) => {
    while (parents[number] !== number) {
      parents[number] = parents[parents[number]];
      number = parents[number];
    }
    return number;
  };
  for (let at = 0; at < plane.length; at++) {
    if (!plane[at]) continue;
    const x = at % width;
    const above = at - width;
    let least = x > 0 ? numbers[at - 1] : 0;
    const first = atCorners && x > 0 ? above - 1 : above;
    const last = atCorners && x + 1 < width ? above + 1 : above;
    for (let beside = first; beside <= last; beside++) {
      if (beside < 0 || !numbers[beside]) continue;
      const root = rootOf(numbers[beside]);
      if (!least) least = root;
      else {
        least = rootOf(least);
        parents[Math.max(least, root)] = Math.min(least, root);
        least = Math.min(least, root);
      }
    }
    if (!least) {
      least = parents.length;
      parents.push(least);
    }
    numbers[at] = least;
  }
  return { numbers, regions: measured(numbers, width, rootOf) };
}

/** Give the regions the numbers 1, 2, 3 ..., and return them. */
function measured(numbers, width, rootOf) {
  const regions = [];
  const finals = new Map();
  for (let at = 0; at < numbers.length; at++) {
    if (!numbers[at]) continue;
    const root = rootOf(numbers[at]);
    const x = at % width;
    const y = (at - x) / width;
    let number = finals.get(root);
    if (number === undefined) {
      number = regions.push({ area: 0, left: x, top: y, right: x, bottom: y });
      finals.set(root, number);
      regions[number - 1].number = number;
    }
    numbers[at] = number;
    const region = regions[number - 1];
    region.area++;
    region.left = Math.min(region.left, x);
    region.right = Math.max(region.right, x + 1);
    region.bottom = y + 1;
  }
  return regions;
}

/** Return the mean of a plane of probabilities in every region. */
export function meansIn({ numbers, regions }, plane) {
  const sums = new Float64Array(regions.length + 1);
  for (let at = 0; at < numbers.length; at++) sums[numbers[at]] += plane[at];
  return regions.map((region) => sums[region.number] / region.area);
}
