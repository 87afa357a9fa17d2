/** Keys for everything. */

import { byId, element } from "./dom.js";

const REMEMBERED = "maskforge-keys";

/**
 * Listen to keys, and list them in the help.
 * @param {{keys: string[], shown?: string, text: string, run: function(KeyboardEvent, string,
 *     string[])}[]} keys Those of one entry do similar things; `shown` is how they are written.
 */
export function listenToKeys(keys) {
  const actions = new Map(
    keys.flatMap(({ keys: names, run }) => names.map((name) => [name, [run, names]])),
  );
  byId("keys").replaceChildren(
    ...keys.map(({ keys: names, shown, text }) =>
      element(
        "div",
        {},
        element("dt", {}, ...(shown ? shown.split(" ") : names).map((name) => element("kbd", {}, name))),
        element("dd", {}, text),
      ),
    ),
  );
  const box = byId("single-keys");
  box.checked = localStorage.getItem(REMEMBERED) !== "off";
  box.addEventListener("change", () => localStorage.setItem(REMEMBERED, box.checked ? "on" : "off"));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (document.querySelector("dialog[open]") || isTyping(event.target)) return;
    const isOff = !box.checked && event.key.length === 1 && event.key !== "?";
    if (!actions.has(event.key) || isOff) return;
    const [run, names] = actions.get(event.key);
    if (event.key.startsWith("Arrow") && !event.target.closest(".frame")) return;
    event.preventDefault();
    run(event, event.key, names);
  });
}

function isTyping(target) {
  return target.matches("select, textarea, input:not([type=checkbox]):not([type=radio]):not([type=range])");
}
