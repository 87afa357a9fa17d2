/** The lesions of an image, the largest first. */

import { byId, count, element, reveal, score, swatch } from "./dom.js";

const MOST = 200;

/** The list of lesions; a click goes to one. */
export class LesionList {
  /** @param {function(Lesion)} onpick Told which lesion to go to. */
  constructor(onpick) {
    this._onpick = onpick;
    this.lesions = [];
    this._at = -1;
  }

  /**
   * Show lesions.
   * @param {Lesion[]} lesions The lesions.
   * @param {Map<number, string>} names Of the classes.
   * @param {Map<number, string>} colors Of the classes.
   */
  show(lesions, names, colors) {
    const focused = document.activeElement?.closest("#lesions li");
    const at = focused ? [...byId("lesions").children].indexOf(focused) : -1;
    this.lesions = lesions;
    this._at = -1;
    const rows = lesions.slice(0, MOST).map((one, number) => this._row(one, number, names, colors));
    byId("lesions").replaceChildren(...rows);
    if (at >= 0 && rows.length) rows[Math.min(at, rows.length - 1)].firstElementChild.focus();
    const left = lesions.length - MOST;
    byId("lesions-note").textContent =
      left > 0 ? `${count(left, "smaller lesion")} more.` : lesions.length ? "" : "None is marked.";
  }

  /** Go to the next lesion, or the one before. */
  step(by) {
    const shown = Math.min(this.lesions.length, MOST);
    if (shown) this._pick(this._at < 0 && by < 0 ? shown - 1 : (this._at + by + shown) % shown);
  }

  /** Go to the smallest lesion whose box holds a pixel, if there is one. */
  pickAt({ x, y }) {
    let found = -1;
    this.lesions.slice(0, MOST).forEach((one, number) => {
      if (x >= one.left && x < one.right && y >= one.top && y < one.bottom) found = number;
    });
    if (found >= 0) this._mark(found);
    return found >= 0 ? this.lesions[found] : null;
  }

  _pick(number) {
    this._mark(number);
    this._onpick(this.lesions[number], number);
  }

  _mark(number) {
    this._at = number;
    [...byId("lesions").children].forEach((row, other) => {
      if (other === number) row.firstElementChild.setAttribute("aria-current", "true");
      else row.firstElementChild.removeAttribute("aria-current");
    });
    reveal(byId("lesions").children[number]);
  }

  _row(one, number, names, colors) {
    return element(
      "li",
      {},
      element(
        "button",
        { type: "button", class: "row", onclick: () => this._pick(number) },
        swatch(colors.get(one.id)),
        element("span", { class: "title" }, names.get(one.id)),
        element("span", { class: `tag ${one.outcome}` }, one.outcome),
        element("span", { class: "area" }, `${one.area.toLocaleString("en")} px`),
        element("span", { class: "value", title: "mean probability" }, score(one.score)),
      ),
    );
  }
}
