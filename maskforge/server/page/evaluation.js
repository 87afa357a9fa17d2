/** How good a model is on the data set, in numbers and in words. */

import { askJson } from "./api.js";
import { byId, count, element } from "./dom.js";

const SECONDS = 1.5;
const REMEMBERED = "maskforge-evaluation";

/** The part of the page about the evaluation; asks until all images have been compared. */
export class EvaluationPart {
  /** @param {{onprogress: function(Object), onproblem: function(Error)}} listeners */
  constructor({ onprogress, onproblem }) {
    this._onprogress = onprogress;
    this._onproblem = onproblem;
    this._turn = 0;
    this._chosen = 0;
    const details = byId("evaluation-details");
    details.open = localStorage.getItem(REMEMBERED) !== "closed";
    details.addEventListener("toggle", () => localStorage.setItem(REMEMBERED, details.open ? "open" : "closed"));
  }

  /** Show a model's evaluation, now and whenever there is more of it. */
  async show(model) {
    const turn = ++this._turn;
    byId("evaluation").hidden = false;
    for (;;) {
      let found;
      try {
        found = await askJson("/api/evaluation", { model });
      } catch (error) {
        if (turn === this._turn) this._onproblem(error);
        return;
      }
      if (turn !== this._turn) return;
      this._draw(found, model);
      this._onprogress(found);
      if (found.problem || (found.report && found.measured >= found.total)) return;
      await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000));
      if (turn !== this._turn) return;
    }
  }

  _draw(found, model) {
    const part = { all: "all images", test: "the test images" }[found.part] ?? `the ${found.part} images`;
    byId("evaluation-title").textContent = `How good is the model ${model} on ${part}?`;
    byId("evaluation-progress").replaceChildren(...progress(found));
    byId("evaluation-content").replaceChildren(...(found.findings.length ? this._findings(found) : []));
  }

  _findings(found) {
    const { findings, warnings, explanations } = found;
    const at = Math.min(this._chosen, findings.length - 1);
    const parts = [];
    byId("evaluation-brief").textContent = findings[at].numbers
      .map(({ title, value }) => `${title} ${value}`)
      .join(" · ");
    if (findings.length > 1) {
      const choose = element(
        "select",
        { onchange: () => ((this._chosen = choose.selectedIndex), this._redraw(found)) },
        ...findings.map(({ name }) => element("option", {}, name)),
      );
      choose.selectedIndex = at;
      parts.push(element("label", { class: "choose" }, "Class ", choose));
    }
    parts.push(
      element(
        "dl",
        { class: "numbers" },
        ...findings[at].numbers.map(({ title, value, meaning }) =>
          element(
            "div",
            {},
            element("dt", {}, title),
            element("dd", { class: "large" }, value),
            element("dd", {}, meaning),
          ),
        ),
      ),
    );
    if (warnings.length || explanations.length) {
      const title = warnings.length
        ? `Before you rely on this: ${count(warnings.length, "warning")}`
        : "What this means";
      parts.push(
        element(
          "details",
          { class: "words", "aria-label": title },
          element("summary", {}, title),
          list(warnings),
          list(explanations),
        ),
      );
    }
    return parts;
  }

  _redraw(found) {
    byId("evaluation-content").replaceChildren(...this._findings(found));
    byId("evaluation-content").querySelector("select").focus();
  }
}

function list(sentences) {
  return element("ul", {}, ...sentences.map((one) => element("li", {}, one)));
}

function progress({ problem, measured, total, report }) {
  if (problem) {
    const text = `The model cannot be compared with the truth: ${problem}.`;
    return [element("p", { class: "problem" }, text)];
  }
  if (report && measured >= total) return [];
  const label = `${measured.toLocaleString("en")} of ${total.toLocaleString("en")} images compared`;
  const bar = element("progress", { max: total, value: measured });
  return [element("label", { class: "progress" }, `${label} `, bar)];
}
