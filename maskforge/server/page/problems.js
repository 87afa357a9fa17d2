/** What went wrong, and what the page has to be told. */

import { byId, element } from "./dom.js";

const CLOSE = { type: "button", class: "plain", "aria-label": "Close this message" };

/** Show what went wrong, with what can be done about it. */
export function report(error, about = "") {
  if (!(error instanceof Error) || error.name === "AbortError") return;
  const box = element(
    "div",
    { class: "problem" },
    element(
      "p",
      {},
      element("strong", {}, about ? `${about}: ${error.message}` : error.message),
      error.hint ? ` ${error.hint}` : "",
    ),
    element("button", { ...CLOSE, onclick: () => box.remove() }, "×"),
  );
  const before = [...byId("problems").children].find((one) => one.textContent === box.textContent);
  before?.remove();
  byId("problems").append(box);
}

/** Ask for the token; tell whether one was wrong. */
export function askForToken(wasWrong) {
  const dialog = byId("token-dialog");
  if (wasWrong) byId("token-text").prepend("The token is wrong. ");
  dialog.showModal();
  return new Promise((resolve) => {
    byId("token-form").onsubmit = (event) => {
      event.preventDefault();
      dialog.close();
      resolve(byId("token").value.trim());
      byId("token").value = "";
    };
  });
}
