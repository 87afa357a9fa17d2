/** How an image compares with its truth, at the thresholds of now. */

import { byId, element, score } from "./dom.js";

/**
 * Show the numbers of an image.
 * @param {Object} result What `compare` returned.
 * @param {number[]} ids The classes that were compared; none hides the numbers.
 * @param {Map<number, string>} names Of the classes.
 */
export function showScores(result, ids, names) {
  byId("scores-part").hidden = !ids.length;
  const number = (outcome) => result.lesions.filter((one) => one.outcome === outcome).length;
  const missed = number("missed");
  const found = `${result.total - missed} of ${result.total}`;
  const entries = [
    ["Dice", score(result.dice), "how well the areas agree: 1 is the same, 0 is nothing in common"],
    ["found", found, "lesions of the truth that the prediction touches"],
    ["missed", String(missed), "lesions of the truth that it does not touch"],
    ["invented", String(number("invented")), "marked where the truth has nothing"],
  ];
  const others = ids.map((id) => [`Dice of ${names.get(id)}`, score(result.dices.get(id)), ""]);
  byId("scores").replaceChildren(
    element("dl", { class: "scores" }, ...entries.map(pair)),
    element("dl", { class: "scores by-class" }, ...(ids.length > 1 ? others.map(pair) : [])),
  );
}

function pair([name, value, meaning]) {
  return element("div", { title: meaning }, element("dt", {}, name), element("dd", {}, value));
}
