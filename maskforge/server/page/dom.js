/** Elements of the page; all text goes in as text, never as markup. */

/**
 * Return a new element.
 * @param {string} tag Its name.
 * @param {Object<string, *>} properties Attributes; `class`, `on...` listeners, and true or false
 *     for those without a value.
 * @param {...(Node|string|null)} children What it holds.
 */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((one) => one !== null));
  return made;
}

/** Return the element of an id. */
export function byId(id) {
  return document.getElementById(id);
}

/** Return a small square in a color. */
export function swatch(color) {
  const made = element("span", { class: "swatch", "aria-hidden": "true" });
  made.style.backgroundColor = color;
  return made;
}

/** Scroll the list that holds an element, and not the page, until it is seen. */
export function reveal(one) {
  const box = one.closest("nav, aside");
  if (box.scrollHeight <= box.clientHeight) return;
  const [inner, outer] = [one.getBoundingClientRect(), box.getBoundingClientRect()];
  if (inner.top < outer.top) box.scrollTop += inner.top - outer.top;
  if (inner.bottom > outer.bottom) box.scrollTop += inner.bottom - outer.bottom;
}

/** Tell something to people who cannot see the page. */
export function announce(text) {
  byId("status").textContent = text;
}

/** Return a number with a noun: `1 lesion`, `2 lesions`. */
export function count(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

/** Return a score from 0 to 1 as text. */
export function score(value) {
  return value === null || value === undefined ? "–" : value.toFixed(2);
}
