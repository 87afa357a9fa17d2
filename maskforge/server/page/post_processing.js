/** What becomes of a mask after it was decided, by the rule of `maskforge predict`. */

import { findRegions } from "./regions.js";

const IMAGE = "image";

/**
 * What becomes of the regions of a class.
 * @typedef {{fill_holes: boolean, min_size: number, one_per: string}} PostProcessing
 */

/**
 * Change where classes are.
 * @param {Map<number, Uint8Array>} regions 1 where a class is, by class id; changed in place.
 * @param {number} width Of the image.
 * @param {Map<number, PostProcessing>} rules By class id.
 * @param {Map<string, number>} ids Class ids by name.
 * @param {boolean} areExclusive Whether no pixel may have two classes.
 */
export function postProcess(regions, width, rules, ids, areExclusive) {
  const before = new Map(regions);
  const taken = areExclusive ? union(before) : null;
  for (const [id, rule] of rules) {
    const filled = rule.fill_holes ? fillHoles(before.get(id), width, taken) : before.get(id);
    const found = findRegions(filled, width);
    const stays = found.regions.map((region) => region.area >= rule.min_size);
    if (rule.one_per) {
      const isImage = rule.one_per === IMAGE;
      const units = isImage ? null : findRegions(before.get(ids.get(rule.one_per)), width);
      keepLargest(found, units ? unitsOf(found, units, width) : stays.map(() => 0), stays);
    }
    const after = found.numbers.map((number) => (number && stays[number - 1] ? 1 : 0));
    regions.set(id, areExclusive ? withoutOthers(after, id, regions) : Uint8Array.from(after));
  }
}

function union(regions) {
  const [first] = regions.values();
  const found = new Uint8Array(first.length);
  for (const plane of regions.values()) plane.forEach((value, at) => value && (found[at] = 1));
  return found;
}

/** Return a plane with its holes filled, but for what other classes have taken. */
function fillHoles(plane, width, taken) {
  const height = plane.length / width;
  const outside = plane.map((value) => 1 - value);
  const { numbers, regions } = findRegions(outside, width, false);
  const isHole = regions.map(
    ({ left, top, right, bottom }) => left > 0 && top > 0 && right < width && bottom < height,
  );
  return plane.map((value, at) => {
    const number = numbers[at];
    return value || (number && isHole[number - 1] && !taken?.[at]) ? 1 : 0;
  });
}

/** Return the number of the unit that every region has most contact with; 0 for none. */
function unitsOf({ numbers, regions }, units, width) {
  const height = numbers.length / width;
  const contacts = regions.map(() => new Map());
  for (let at = 0; at < numbers.length; at++) {
    if (!numbers[at]) continue;
    const found = contacts[numbers[at] - 1];
    const x = at % width;
    const y = (at - x) / width;
    for (let row = Math.max(0, y - 1); row <= Math.min(height - 1, y + 1); row++) {
      for (let column = Math.max(0, x - 1); column <= Math.min(width - 1, x + 1); column++) {
        const unit = units.numbers[row * width + column];
        if (unit) found.set(unit, (found.get(unit) ?? 0) + 1);
      }
    }
  }
  return contacts.map((found) => {
    let best = 0;
    for (const [unit, count] of found) {
      const most = found.get(best) ?? 0;
      if (count > most || (count === most && unit < best)) best = unit;
    }
    return best || -1;
  });
}

/** Of the regions in each unit, let the largest stay, or the first of equal ones. */
function keepLargest({ regions }, units, stays) {
  const largest = new Map();
  regions.forEach((region, at) => {
    const before = largest.get(units[at]);
    if (before === undefined || region.area > regions[before].area) largest.set(units[at], at);
  });
  units.forEach((unit, at) => {
    if (unit !== -1 && largest.get(unit) !== at) stays[at] = false;
  });
}

/** Return a plane without the pixels that other classes have by now. */
function withoutOthers(plane, id, regions) {
  const found = Uint8Array.from(plane);
  for (const [other, taken] of regions) {
    if (other === id) continue;
    for (let at = 0; at < found.length; at++) if (taken[at]) found[at] = 0;
  }
  return found;
}
