// @ts-check
/// <reference lib="dom" />
/** One picture of the grid, with what is said of it. */
import { el, icon } from "./dom.js";
import { dateText, titleOf } from "./wording.js";

/** @import { Entry } from "./api.js" */

/**
 * @typedef {object} Card
 * @property {Entry} entry
 * @property {HTMLLIElement} item
 * @property {HTMLAnchorElement} link
 * @property {HTMLButtonElement | undefined} compare
 * @property {HTMLImageElement} picture
 * @property {number | undefined} ratio width / height; undefined until it is known
 * @property {boolean} isSettled whether its shape will not change any more
 */

/**
 * A card that is not laid out yet.
 *
 * @param {Entry} entry
 * @param {{ picture: string, href: string, isComparable: boolean }} options
 * @returns {Card}
 */
export function makeCard(entry, { picture: src, href, isComparable }) {
  const title = titleOf(entry);
  const picture = el("img", { alt: "", loading: "lazy", decoding: "async", draggable: "false" });
  const frame = el("span", { class: "frame" }, picture);
  const link = el(
    "a",
    { href, class: "card", draggable: "false", tabindex: -1, title },
    frame,
    el("span", { class: "title" }, title),
    secondLine(entry),
  );
  const item = el("li", {}, link);
  const compare = isComparable ? compareButton(title) : undefined;
  if (compare !== undefined) item.append(compare);
  picture.addEventListener("error", () => {
    item.classList.add("lost");
    frame.replaceChildren(
      icon("picture"),
      el("span", { class: "lost-title", "aria-hidden": "true" }, title),
      el("span", { class: "unseen" }, "No picture to show: "),
    );
  });
  picture.src = src;
  return { entry, item, link, compare, picture, ratio: undefined, isSettled: false };
}

/** @param {Entry} entry */
function secondLine(entry) {
  const { similarity, creators, date } = entry;
  if (similarity !== undefined) return likeness(similarity);
  const text = [creators.join("; "), dateText(date)].filter((text) => text !== "").join(" · ");
  return el("span", { class: "by" }, text);
}

/**
 * A similarity as a number and a bar.
 *
 * @param {number} similarity
 */
export function likeness(similarity) {
  const bar = el("span", { class: "share", "aria-hidden": "true" });
  bar.style.setProperty("--share", String(Math.min(1, Math.max(0, similarity))));
  return el(
    "span",
    { class: "likeness" },
    el("span", { class: "unseen" }, "Similarity "),
    el("span", { class: "number" }, similarity.toFixed(2)),
    bar,
  );
}

/** @param {string} title */
function compareButton(title) {
  const text = "Show what links them";
  const element = el(
    "button",
    { type: "button", class: "pair", title: text, tabindex: -1, "aria-haspopup": "dialog" },
    icon("pair"),
    el("span", { class: "unseen" }, `${text}: ${title}`),
  );
  return element;
}
