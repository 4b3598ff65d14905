// @ts-check
/// <reference lib="dom" />
/** The HTTP API, as the page asks it. */

/**
 * An item of an index; what it does not have is empty.
 *
 * @typedef {object} Entry
 * @property {string} id
 * @property {number | undefined} similarity cosine, -1 to 1
 * @property {string} title
 * @property {readonly string[]} creators
 * @property {readonly string[]} subject
 * @property {string} date
 * @property {string} access
 * @property {string} license
 */

/**
 * @typedef {object} IndexInfo
 * @property {string} name
 * @property {number} documents
 * @property {boolean} uploads whether it can be searched with a picture of one's own
 * @property {string | null} uploadsReason why not
 */

/** @typedef {{ value: string, count: number }} Facet */

/**
 * Which part of an answer is wanted, of which documents.
 *
 * @typedef {{ size: number, offset?: number, access: string }} Part
 */

/** A request that was not answered as wanted; the message is for people. */
export class ApiError extends Error {
  /**
   * @param {string} message
   * @param {number} status 0 if the server did not answer
   */
  constructor(message, status) {
    super(message);
    this.name = "ApiError";
    this.status = status;
  }
}

const FIELDS = "id,title,creators,subject,date,access,license";

/**
 * @param {AbortSignal} signal
 * @returns {Promise<IndexInfo[]>}
 */
export async function getIndexes(signal) {
  return (await ask("indexes", {}, { signal })).json();
}

/**
 * The documents of each access, most first.
 *
 * @param {string} index
 * @param {AbortSignal} signal
 * @returns {Promise<Facet[]>}
 */
export async function getAccess(index, signal) {
  return (await (await ask(path("facets", index), {}, { signal })).json()).access;
}

/**
 * @param {string} index
 * @param {Part} part
 * @param {AbortSignal} signal
 */
export async function getRandom(index, part, signal) {
  return await entries(await ask(path("random", index), query(part), { signal }));
}

/**
 * @param {string} index
 * @param {string} words
 * @param {Part} part
 * @param {AbortSignal} signal
 * @returns {Promise<{ entries: Entry[], total: number }>}
 */
export async function getByWords(index, words, part, signal) {
  const answer = await ask(path("text", index), { q: words, ...query(part) }, { signal });
  const total = Number(answer.headers.get("x-total-count"));
  return { entries: await entries(answer), total };
}

/**
 * @param {string} index
 * @param {string} id
 * @param {AbortSignal} signal
 * @returns {Promise<Entry>}
 */
export async function getItem(index, id, signal) {
  return entryOf(
    await (await ask(path("items", index, id), { fields: FIELDS }, { signal })).json(),
  );
}

/**
 * The nearest of an item, itself left out.
 *
 * @param {string} index
 * @param {string} id
 * @param {Part} part
 * @param {AbortSignal} signal
 */
export async function getNearest(index, id, { access, ...part }, signal) {
  const filters = access === "" ? {} : { filters: { access } };
  return await entries(
    await ask(path("similarity", index, "id"), query({ ...part, access: "" }), {
      signal,
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ value: id, ...filters }),
    }),
  );
}

/**
 * The nearest of a picture of the user's own.
 *
 * @param {string} index
 * @param {Blob} picture
 * @param {Part} part
 * @param {AbortSignal} signal
 */
export async function getNearestToPicture(index, picture, part, signal) {
  return await entries(
    await ask(path("similarity", index, "image"), query(part), {
      signal,
      method: "POST",
      headers: { "content-type": picture.type || "application/octet-stream" },
      body: picture,
    }),
  );
}

/**
 * Address of an item's picture.
 *
 * @param {string} index
 * @param {string} id
 */
export function pictureUrl(index, id) {
  return path("pictures", index, id);
}

/** @param {...string} parts */
function path(...parts) {
  return parts.map(encodeURIComponent).join("/");
}

/**
 * @param {Part} part
 * @returns {Record<string, string>}
 */
function query({ size, offset = 0, access }) {
  const filter = access === "" ? {} : { filter: `access=${access}` };
  const from = offset === 0 ? {} : { offset: String(offset) };
  return { size: String(size), ...from, fields: FIELDS, ...filter };
}

/**
 * @param {string} path
 * @param {Record<string, string>} query
 * @param {RequestInit} init
 */
async function ask(path, query, init) {
  const search = new URLSearchParams(query).toString();
  const url = new URL(search === "" ? path : `${path}?${search}`, document.baseURI);
  /** @type {Response} */
  let answer;
  try {
    answer = await fetch(url, init);
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new ApiError("The server does not answer.", 0);
  }
  if (answer.ok) return answer;
  throw new ApiError(await reason(answer), answer.status);
}

/** @param {Response} answer */
async function reason(answer) {
  try {
    const { error } = await answer.json();
    if (typeof error === "string" && error !== "") return error;
  } catch {
    // Not from our server, such as a proxy's error page: the status has to do.
  }
  return `The server answered ${answer.status} ${answer.statusText}`.trim();
}

/**
 * @param {Response} answer
 * @returns {Promise<Entry[]>}
 */
async function entries(answer) {
  return (await answer.json()).map(entryOf);
}

/**
 * @param {{ _id: string, fields: Record<string, any[]> }} entry
 * @returns {Entry}
 */
function entryOf({ _id, fields }) {
  /** @param {string} name */
  const first = (name) => String(fields[name]?.[0] ?? "");
  return {
    id: _id,
    similarity: fields.similarity?.[0],
    title: first("title"),
    creators: (fields.creators ?? []).map(String),
    subject: (fields.subject ?? []).map(String),
    date: first("date"),
    access: first("access"),
    license: first("license"),
  };
}
