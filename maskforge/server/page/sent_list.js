/** The images that were chosen, dropped or pasted. */

import { byId, count, element } from "./dom.js";
import { SentImage } from "./images.js";

export class SentList {
  /** @param {function(SentImage)} onpick Told which image to show. */
  constructor(onpick) {
    this._onpick = onpick;
    this._shown = null;
    this.images = [];
  }

  /** Add files, and return them as images. */
  add(files) {
    const added = [...files].map((file, number) => new SentImage(file, this.images.length + number));
    this.images.push(...added);
    this.update();
    return added;
  }

  /** Mark an image as the one that is shown. */
  select(image) {
    this._shown = image;
    this.update();
  }

  /** Show the list as it is now. */
  update() {
    byId("sent-part").hidden = !this.images.length;
    const hadFocus = byId("sent").contains(document.activeElement);
    byId("sent").replaceChildren(...this.images.map((one) => this._row(one)));
    if (hadFocus) byId("sent").querySelector("[aria-current]")?.focus();
  }

  _row(one) {
    const facts = one.failure
      ? element("span", { class: "tag missed" }, "not read")
      : element("span", { class: "value" }, one.found === null ? "" : count(one.found, "lesion"));
    const current = one === this._shown ? "true" : null;
    return element(
      "li",
      {},
      element(
        "button",
        { type: "button", class: "row", "aria-current": current, onclick: () => this._onpick(one) },
        element("span", { class: "title", title: one.name }, one.name),
        facts,
      ),
    );
  }
}
