/** Requests to the server. */

const TOKEN = "maskforge-token";

/** A request that failed, in the words of the server. */
export class ApiError extends Error {
  constructor(message, hint = "") {
    super(message);
    this.hint = hint;
  }
}

let token = sessionStorage.getItem(TOKEN) ?? "";
let wanted = null;
let askPerson = async () => "";

/** Keep the token that every request carries, until the tab is closed. */
export function setToken(value) {
  token = value;
  sessionStorage.setItem(TOKEN, value);
}

/** Set the function that asks for the token; it is told whether one was wrong. */
export function onTokenWanted(ask) {
  askPerson = ask;
}

/**
 * Send a request.
 * @param {string} path Path on the server.
 * @param {Object<string, *>} query What stands behind the question mark; null is left out.
 * @param {{body?: BodyInit, signal?: AbortSignal}} options What is sent makes it a POST.
 * @returns {Promise<Response>} An answer that is fine.
 */
export async function ask(path, query = {}, { body = null, signal = null } = {}) {
  const parameters = Object.entries(query).filter(([, value]) => value !== null && value !== "");
  const question = parameters.length ? `?${new URLSearchParams(parameters)}` : "";
  for (;;) {
    const sent = token;
    const headers = sent ? { Authorization: `Bearer ${sent}` } : {};
    let reply;
    try {
      reply = await fetch(path + question, { method: body ? "POST" : "GET", body, headers, signal });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new ApiError("The server does not answer.", "Is maskforge serve still running?");
    }
    if (reply.ok) return reply;
    if (reply.status !== 401) throw await problemOf(reply);
    if (sent === token) {
      wanted ??= askPerson(sent !== "").then(setToken).finally(() => (wanted = null));
      await wanted;
    }
  }
}

async function problemOf(reply) {
  try {
    const { message, hint } = (await reply.json()).error;
    return new ApiError(sentence(message), sentence(hint));
  } catch {
    return new ApiError(`The server answered with status ${reply.status}.`);
  }
}

function sentence(text) {
  return text && text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}

/** Return an answer of JSON. */
export async function askJson(path, query, options) {
  return (await ask(path, query, options)).json();
}

/** Return the pixels of an image, ready to be drawn. */
export async function askImage(path, query, options) {
  const content = await (await ask(path, query, options)).blob();
  return createImageBitmap(content);
}

/**
 * Return an array of numbers.
 * @returns {Promise<{values: TypedArray, sides: number[]}>} The values in C order, and its sides.
 */
export async function askArray(path, query, options) {
  const reply = await ask(path, query, options);
  const [sides, type] = reply.headers.get("X-Maskforge-Shape").split(" ");
  const content = await reply.arrayBuffer();
  const kind = { float32: Float32Array, uint8: Uint8Array, uint16: Uint16Array }[type];
  return { values: new kind(content), sides: sides.split("x").map(Number) };
}
