/** Requests to the server. An answer is a JSON object and arrays, in the safetensors format. */

const TYPES = { F32: Float32Array, I8: Int8Array, U8: Uint8Array };

/** @typedef {{shape: number[], values: Float32Array | Int8Array | Uint8Array}} Tensor */
/** @typedef {{answer: any, arrays: Object<string, Tensor>}} Reply */

/** An error with the server's message. */
export class Refusal extends Error {}

/** A request by GET. @param {string} name @param {Object<string, any>} [query] @returns {Promise<Reply>} */
export function read(name, query = {}) {
  const words = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== null));
  return reply(fetch(`/api/${name}?${words}`));
}

/** A request in JSON, by POST. @param {string} name @param {any} question @returns {Promise<Reply>} */
export function ask(name, question) {
  const headers = { "Content-Type": "application/json" };
  return reply(fetch(`/api/${name}`, { method: "POST", headers, body: JSON.stringify(question) }));
}

/** An upload. @param {string} name @param {Blob} file @returns {Promise<Reply>} */
export function send(name, file) {
  const headers = { "Content-Type": "application/octet-stream" };
  return reply(fetch(`/api/${name}`, { method: "POST", headers, body: file }));
}

let open = 0;

async function reply(request) {
  busy(1);
  try {
    const response = await request.catch(() => {
      throw new Refusal("The server does not answer: is fovea look still running?");
    });
    if (!response.ok) {
      const said = await response.json().catch(() => ({}));
      throw new Refusal(said.error ?? `The server answered ${response.status}.`);
    }
    return unpack(await response.arrayBuffer());
  } finally {
    busy(-1);
  }
}

/** Marks the page as busy while answers are awaited, for screen readers too. */
function busy(more) {
  open += more;
  document.querySelector("main")?.setAttribute("aria-busy", String(open > 0));
}

/** @param {ArrayBuffer} buffer @returns {Reply} */
export function unpack(buffer) {
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const arrays = {};
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const [start, end] = entry.data_offsets;
    const Type = TYPES[entry.dtype];
    const values = new Type(buffer, 8 + length + start, (end - start) / Type.BYTES_PER_ELEMENT);
    arrays[name] = { shape: entry.shape, values };
  }
  return { answer: JSON.parse(header.__metadata__.answer), arrays };
}

/**
 * Sends requests one at a time. While one is open, only the newest of the others waits: so drawing and typing
 * are answered as fast as possible, and never by outdated answers.
 * @param {() => Promise<Reply> | null} question  null if there is nothing to ask
 * @param {(reply: Reply) => void} then
 * @param {(error: Refusal) => void} failed
 */
export function latest(question, then, failed) {
  let running = false;
  let again = false;
  return async function next() {
    again = true;
    if (running) return;
    running = true;
    try {
      while (again) {
        again = false;
        try {
          const asked = question();
          if (asked) then(await asked);
        } catch (error) {
          if (!(error instanceof Refusal)) throw error;
          failed(error);
        }
      }
    } finally {
      running = false;
    }
  };
}

/** Bytes in base64, for JSON. @param {Uint8Array} bytes */
export function base64(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}
