/** The images of the data set: sorted, filtered, with what the model makes of each. */

import { askJson } from "./api.js";
import { byId, count, element, reveal, score } from "./dom.js";

const PAGE = 500;

export class SetList {
  /** @param {{onpick: function(string), onfilter: function(Object), onproblem: function(Error)}} listeners */
  constructor({ onpick, onfilter, onproblem }) {
    this._onpick = onpick;
    this._onproblem = onproblem;
    this._query = {};
    this._turn = 0;
    this.images = [];
    for (const name of ["sort", "part", "group"]) {
      byId(name).addEventListener("change", (event) => onfilter({ [name]: event.target.value }));
    }
    byId("missed").addEventListener("change", (event) => onfilter({ missed: event.target.checked }));
    byId("more").addEventListener("click", () => this._load(this.images.length));
  }

  /** Offer the parts and groups that there are. */
  async offerFilters(model) {
    const { images } = await askJson("/api/images", { model, limit: 10000 });
    for (const name of ["part", "group"]) {
      const values = [...new Set(images.map((one) => one[name]).filter(Boolean))];
      byId(name).replaceChildren(
        element("option", { value: "" }, "all"),
        ...values.map((value) => element("option", { value }, value)),
      );
      byId(`${name}-label`).hidden = values.length < 2;
    }
    this.names = new Map(images.map((one) => [one.id, one.name]));
  }

  /** Show the images as a state wants them. */
  async show(state, model) {
    for (const name of ["sort", "part", "group"]) byId(name).value = state[name];
    byId("missed").checked = state.missed;
    this._query = {
      model,
      sort: state.sort,
      part: state.part,
      group: state.group,
      missed: state.missed ? "true" : null,
    };
    this._selected = state.image;
    await this._load(0);
  }

  /** Ask again, because more images have been compared. */
  async refresh() {
    await this._load(0, Math.max(PAGE, this.images.length));
  }

  /** Mark an image as the one that is shown. */
  select(id) {
    this._selected = id;
    for (const row of byId("set").children) {
      const button = row.firstElementChild;
      if (row.dataset.id === id) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
    const current = byId("set").querySelector("[aria-current]");
    if (current) reveal(current);
  }

  async _load(offset, limit = PAGE) {
    const turn = ++this._turn;
    let found;
    try {
      found = await askJson("/api/images", { ...this._query, offset, limit });
    } catch (error) {
      this._onproblem(error);
      return;
    }
    if (turn !== this._turn) return;
    const rows = found.images.map((one) => this._row(one));
    if (offset === 0) this._replace(rows, found.images);
    else {
      byId("set").append(...rows);
      this.images.push(...found.images);
    }
    byId("more").hidden = this.images.length >= found.total;
    byId("listed").textContent = found.total
      ? `${count(found.total, "image")}`
      : "No image fits these filters.";
    this.select(this._selected);
  }

  _replace(rows, images) {
    const focused = document.activeElement?.closest("#set li")?.dataset.id;
    byId("set").replaceChildren(...rows);
    this.images = images;
    const again = focused && rows.find((row) => row.dataset.id === focused);
    if (again) again.firstElementChild.focus({ preventScroll: true });
  }

  _row(one) {
    const row = element(
      "li",
      {},
      element(
        "button",
        { type: "button", class: "row", onclick: () => this._onpick(one.id) },
        element("span", { class: "title", title: one.name }, one.name),
        ...(one.measured ? facts(one) : [element("span", { class: "quiet" }, "is being compared ...")]),
      ),
    );
    row.dataset.id = one.id;
    return row;
  }
}

function facts(one) {
  const missed = one.lesions ? `${one.missed} of ${one.lesions} missed` : "no lesion";
  return [
    element("span", { class: "value" }, element("span", { class: "unseen" }, "Dice "), score(one.dice)),
    element(
      "span",
      { class: "tags" },
      element("span", { class: one.missed ? "tag missed" : "tag" }, missed),
      one.invented ? element("span", { class: "tag invented" }, `${one.invented} invented`) : null,
    ),
    doubt(one.uncertainty ?? 0),
  ];
}

function doubt(value) {
  const bar = element("span", { class: "doubt", title: `uncertainty ${score(value)}` });
  const inner = element("span", { class: "inner" });
  inner.style.width = `${Math.round(value * 100)}%`;
  bar.append(inner, element("span", { class: "unseen" }, `uncertainty ${score(value)}`));
  return bar;
}
