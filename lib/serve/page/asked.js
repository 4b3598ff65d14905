// @ts-check
/// <reference lib="dom" />
/** What was asked, at the top of its answer. */
import { el, icon } from "./dom.js";
import { accessName, count, dateText, itemUrl, titleOf } from "./wording.js";

/** @import { Entry } from "./api.js" */

/**
 * The question in a view of a picture.
 *
 * @typedef {{ src: string, entry: Entry } | { src: string, fileName: string }} AskedPicture
 */

/**
 * The heading of random pictures.
 *
 * @param {number | undefined} documents in the index
 */
export function welcome(documents) {
  const heading = el("h1", { id: "heading", tabindex: -1 }, "Find pictures that look alike");
  if (documents === 0) return [heading];
  const one = documents === undefined || documents === 1
    ? "one"
    : `one of ${count(documents)} pictures`;
  const text = `Choose ${one} to see its like, or use a picture of your own.`;
  return [heading, el("p", { class: "lead" }, text)];
}

/**
 * The heading of an answer to words.
 *
 * @param {string} words
 */
export function askedWords(words) {
  return [
    el("p", { class: "kicker" }, "Pictures with the words"),
    el("h1", { id: "heading", tabindex: -1 }, words),
  ];
}

/**
 * The picture whose nearest are shown.
 *
 * @param {AskedPicture} asked
 */
export function askedPicture(asked) {
  const picture = el("img", { src: asked.src, alt: "The asked picture", decoding: "async" });
  const frame = el("div", { class: "asked-picture" }, picture);
  picture.addEventListener("error", () => {
    frame.classList.add("lost");
    frame.replaceChildren(icon("picture"), el("span", {}, "No picture to show"));
  });
  const text = "entry" in asked ? ofItem(asked.entry) : ofOwnPicture(asked.fileName);
  return [frame, el("div", { class: "asked-text" }, ...text)];
}

/** Titles of more characters are set small. */
const LONG = 120;

/** @param {Entry} entry */
function ofItem(entry) {
  const title = titleOf(entry);
  const size = title.length > LONG ? "long" : "short";
  return [
    el("p", { class: "kicker" }, "Pictures like"),
    el("h1", { id: "heading", tabindex: -1, class: size }, title),
    facts(entry),
    el("p", { class: "actions" }, itemLink(entry)),
  ];
}

/** @param {string} fileName */
function ofOwnPicture(fileName) {
  return [
    el("p", { class: "kicker" }, "Pictures like"),
    el("h1", { id: "heading", tabindex: -1 }, "Your picture"),
    el("p", { class: "lead" }, fileName),
    el("p", { class: "note" }, "It was compared with the index, and not stored."),
  ];
}

/** @param {Entry} entry */
export function itemLink({ id }) {
  return el(
    "a",
    { href: itemUrl(id), target: "_blank", rel: "noopener", class: "out" },
    "See it at nb.no",
    icon("out"),
    el("span", { class: "unseen" }, " (new tab)"),
  );
}

/**
 * Creators, date, subject and access; what the record does not have is left out.
 *
 * @param {Entry} entry
 */
function facts({ creators, date, subject, access }) {
  /** @type {[string, string][]} */
  const all = [
    [creators.length === 1 ? "Creator" : "Creators", creators.join("; ")],
    ["Date", dateText(date)],
    ["Subject", subject.join(", ")],
    ["Access", access === "" ? "" : accessName(access)],
  ];
  const given = all.filter(([, value]) => value !== "");
  return el(
    "dl",
    { class: "facts" },
    ...given.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))),
  );
}
