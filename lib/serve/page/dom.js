// @ts-check
/// <reference lib="dom" />
/** Elements from text: nothing here or elsewhere on the page reads data as HTML. */

/**
 * An element with attributes and children. Strings become text; `false` and undefined attributes are
 * left out, `true` is an attribute without value.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number | boolean | undefined>} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === undefined) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children);
  return element;
}

/**
 * One of the page's icons.
 *
 * @param {"pair" | "picture" | "out" | "close"} name
 */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/**
 * A button.
 *
 * @param {string} text
 * @param {() => void} onClick
 * @param {string} [style] class
 */
export function button(text, onClick, style = "solid") {
  const element = el("button", { type: "button", class: style }, text);
  element.addEventListener("click", onClick);
  return element;
}

/**
 * The page's own element of that id.
 *
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
export function byId(id, kind) {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new TypeError(`the page has no ${kind.name} "${id}"`);
}
