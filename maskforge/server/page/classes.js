/** The classes of a model: on and off, and from which probability on a pixel has them. */

import { byId, count, element, swatch } from "./dom.js";

/** The table of classes. */
export class Classes {
  /** @param {{onlimit: function(number, ?number), onswitch: function(number, boolean)}} listeners */
  constructor({ onlimit, onswitch }) {
    this._onlimit = onlimit;
    this._onswitch = onswitch;
    this._rows = new Map();
  }

  /** Show the classes of a model in these colors. */
  show(model, colors) {
    this._rows = new Map(model.classes.map((one) => [one.id, this._row(one, colors.get(one.id))]));
    byId("classes").replaceChildren(...[...this._rows.values()].map((row) => row.place));
  }

  /** Show a state, without telling about it. */
  update(limits, off) {
    for (const [id, row] of this._rows) {
      row.box.checked = !off.has(id);
      if (!row.slider) continue;
      const own = row.slider.dataset.own;
      const limit = limits.get(id) ?? Number(own);
      if (Number(row.slider.dataset.limit) !== limit) row.slider.value = limit;
      row.slider.dataset.limit = limit;
      if (document.activeElement !== row.field) row.field.value = shown(limit);
      row.reset.disabled = !limits.has(id);
    }
  }

  /** Show how much was found of every class. */
  tell(id, lesions, pixels) {
    const row = this._rows.get(id);
    if (!row) return;
    const area = `${pixels.toLocaleString("en")} px`;
    row.found.textContent = lesions ? `${count(lesions, "lesion")} · ${area}` : "nothing";
  }

  _row(one, color) {
    const box = element("input", {
      type: "checkbox",
      onchange: () => this._onswitch(one.id, box.checked),
    });
    const found = element("span", { class: "quiet found" });
    const place = element(
      "div",
      { class: "class" },
      element(
        "label",
        { class: "check" },
        box,
        swatch(color),
        element("span", { class: "title", title: one.name }, one.name),
      ),
      found,
    );
    const row = { place, box, found };
    place.dataset.id = one.id;
    return one.threshold === null ? row : this._withThreshold(row, one);
  }

  _withThreshold(row, one) {
    const limit = (value) => Math.min(1, Math.max(0, Number(value)));
    row.slider = element("input", {
      type: "range",
      min: "0",
      max: "1",
      step: "0.001",
      "aria-label": `Threshold of ${one.name}`,
      oninput: () => this._onlimit(one.id, Number(row.slider.value)),
    });
    row.slider.dataset.own = one.threshold;
    row.field = element("input", {
      type: "number",
      min: "0",
      max: "1",
      step: "0.01",
      "aria-label": `Threshold of ${one.name} as a number`,
      oninput: () => row.field.value !== "" && this._onlimit(one.id, limit(row.field.value)),
      onblur: () => (row.field.value = shown(Number(row.slider.dataset.limit))),
    });
    row.reset = element(
      "button",
      {
        type: "button",
        class: "plain",
        "aria-label": `Threshold of ${one.name} as tuned in training: ${shown(one.threshold)}`,
        title: `as tuned in training: ${shown(one.threshold)}`,
        onclick: () => this._onlimit(one.id, null),
      },
      "↺",
    );
    row.place.append(row.slider, row.field, row.reset);
    return row;
  }
}

function shown(limit) {
  return String(Math.round(limit * 1000) / 1000);
}
