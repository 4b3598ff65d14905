// @ts-check
/// <reference lib="dom" />
/** The state of the page is its address. */

/**
 * What the page shows; a field that is empty is not given.
 *
 * @typedef {object} View
 * @property {string} index
 * @property {string} id item whose nearest are wanted
 * @property {string} picture key of a picture of the user's own
 * @property {string} q words
 * @property {string} access only documents with this access
 * @property {string} with item that is compared with the asked one
 */

/** @type {readonly (keyof View)[]} */
const FIELDS = ["index", "id", "picture", "q", "access", "with"];

/**
 * @param {Partial<View>} [fields]
 * @returns {View}
 */
export function viewOf(fields = {}) {
  return { index: "", id: "", picture: "", q: "", access: "", with: "", ...fields };
}

/**
 * @param {string} search such as `?index=images.knn&id=a1`
 * @returns {View}
 */
export function readAddress(search) {
  const query = new URLSearchParams(search);
  const view = viewOf(Object.fromEntries(FIELDS.map((name) => [name, query.get(name) ?? ""])));
  view.q = view.q.trim();
  // One question at a time, and a comparison needs an asked picture.
  if (view.id !== "") view.picture = "";
  if (view.id !== "" || view.picture !== "") view.q = "";
  else view.with = "";
  return view;
}

/**
 * @param {View} view
 * @returns {string} such as `?index=images.knn&id=a1`
 */
export function addressOf(view) {
  const given = FIELDS.filter((name) => view[name] !== "").map((name) => [name, view[name]]);
  return given.length === 0 ? "./" : `?${new URLSearchParams(given)}`;
}

/**
 * What kind of question it is.
 *
 * @param {View} view
 * @returns {"like" | "picture" | "text" | "random"}
 */
export function kindOf(view) {
  if (view.id !== "") return "like";
  if (view.picture !== "") return "picture";
  return view.q === "" ? "random" : "text";
}

/**
 * The view of an item's nearest, in the index and access of another view.
 *
 * @param {View} view
 * @param {string} id
 */
export function likeView({ index, access }, id) {
  return viewOf({ index, access, id });
}

/**
 * Whether both ask the same, whatever is compared.
 *
 * @param {View} a
 * @param {View} b
 */
export function isSameQuestion(a, b) {
  return addressOf({ ...a, with: "" }) === addressOf({ ...b, with: "" });
}
