/** Files for the person in front of the page. */

import { element } from "./dom.js";

/** Save an answer of the server, by the name that the server gives it. */
export async function saveReply(reply, otherwise) {
  const named = /filename="((?:[^"\\]|\\.)*)"/.exec(reply.headers.get("Content-Disposition") ?? "");
  save(await reply.blob(), named ? JSON.parse(`"${named[1]}"`) : otherwise);
}

/** Save an image with colors over it. */
export function saveCanvas(pixels, layer, name) {
  const { width, height } = pixels;
  const [whole, over] = [element("canvas", { width, height }), element("canvas", { width, height })];
  over.getContext("2d").putImageData(layer, 0, 0);
  const context = whole.getContext("2d");
  context.drawImage(pixels, 0, 0);
  context.drawImage(over, 0, 0);
  whole.toBlob((content) => save(content, name));
}

function save(content, name) {
  const address = URL.createObjectURL(content);
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
