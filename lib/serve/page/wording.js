// @ts-check
/** How things are said. */

/** @import { Entry } from "./api.js" */

/** @type {ReadonlyMap<string, string>} */
const ACCESS = new Map([
  ["everywhere", "Everywhere"],
  ["norway", "In Norway"],
  ["library", "In libraries"],
  ["nb", "At the National Library"],
]);

/**
 * Where an item may be seen.
 *
 * @param {string} access as in the catalogue
 */
export function accessName(access) {
  if (access === "") return "Not stated";
  return ACCESS.get(access) ?? access.charAt(0).toUpperCase() + access.slice(1);
}

/** @param {Entry} entry */
export function titleOf({ title }) {
  return title.trim() === "" ? "Untitled" : title.trim();
}

/**
 * @param {string} date as the catalogue writes it
 */
export function dateText(date) {
  return date.replace(/^(\d{4})(\d{2})(\d{2})$/, "$1-$2-$3").replace(/^\[([^\]]*)\]$/, "$1");
}

/** @param {number} number */
export function count(number) {
  return number.toLocaleString("en");
}

/**
 * @param {number} number
 * @param {string} one
 * @param {string} [many]
 */
export function counted(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}

/** @param {string} text */
export function quoted(text) {
  return `“${shortened(text, 90)}”`;
}

/**
 * @param {string} text
 * @param {number} length most characters
 */
export function shortened(text, length) {
  const characters = [...text];
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join("").trim()}…`;
}

/**
 * The page of an item at the National Library.
 *
 * @param {string} id
 */
export function itemUrl(id) {
  return `https://www.nb.no/items/${encodeURIComponent(id)}`;
}
