// @ts-check
/// <reference lib="dom" />
/** The dialog that shows what links two pictures. */
import { itemLink } from "./asked.js";
import { likeness } from "./card.js";
import { button, byId, el, icon } from "./dom.js";
import { accessName, dateText, titleOf } from "./wording.js";

/** @import { Entry } from "./api.js" */
/** @import { AskedPicture } from "./asked.js" */

/** @typedef {{ name: string, left: readonly string[], right: readonly string[] }} FieldRow */

/** The dialog, which is open while two pictures are compared. */
export class Comparison {
  #dialog = byId("compare", HTMLDialogElement);

  /** @param {() => void} onClose however it was closed */
  constructor(onClose) {
    const dialog = this.#dialog;
    dialog.addEventListener("close", onClose);
    dialog.addEventListener("click", ({ target }) => {
      if (target === dialog) dialog.close();
    });
  }

  /**
   * Opens it, or shows others in it.
   *
   * @param {AskedPicture} asked
   * @param {{ src: string, entry: Entry }} other its entry has the similarity, if that is known
   * @param {{ href: string, onOpen: () => void }} goOn to the nearest of the other
   */
  show(asked, other, goOn) {
    fill(this.#dialog, asked, other, goOn);
    if (!this.#dialog.open) this.#dialog.showModal();
  }

  close() {
    if (this.#dialog.open) this.#dialog.close();
  }
}

/**
 * @param {HTMLDialogElement} dialog
 * @param {AskedPicture} asked
 * @param {{ src: string, entry: Entry }} other
 * @param {{ href: string, onOpen: () => void }} goOn
 */
function fill(dialog, asked, { src, entry }, { href, onOpen }) {
  const close = button("", () => dialog.close(), "round");
  close.append(icon("close"), el("span", { class: "unseen" }, "Close"));
  const like = el("a", { href, class: "go-on" }, "Pictures like this one");
  like.addEventListener("click", (event) => {
    if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    onOpen();
  });
  const left = "entry" in asked ? asked.entry : undefined;
  const leftTitle = left === undefined ? "Your picture" : titleOf(left);
  dialog.replaceChildren(
    el(
      "header",
      {},
      el("h2", { id: "compare-heading" }, "What links them"),
      close,
    ),
    el(
      "div",
      { class: "two" },
      figure(asked.src, leftTitle, left === undefined ? [] : [itemLink(left)]),
      figure(src, titleOf(entry), [like, itemLink(entry)]),
    ),
    el(
      "div",
      { class: "link" },
      entry.similarity === undefined
        ? el("p", {}, "How near they are is not known: it is far from the nearest.")
        : el("p", { class: "near" }, el("span", {}, "Similarity"), likeness(entry.similarity)),
      el("p", { class: "sentence" }, left === undefined ? ONLY_LOOKS : linkSentence(left, entry)),
    ),
    table(left, entry),
  );
}

/**
 * @param {string} src
 * @param {string} title
 * @param {readonly Node[]} links
 */
function figure(src, title, links) {
  const picture = el("img", { src, alt: "", decoding: "async" });
  const frame = el("div", { class: "frame" }, picture);
  picture.addEventListener("error", () => {
    frame.classList.add("lost");
    frame.replaceChildren(icon("picture"), el("span", {}, "No picture to show"));
  });
  return el(
    "figure",
    {},
    frame,
    el("figcaption", {}, el("p", { class: "name" }, title), el("p", { class: "links" }, ...links)),
  );
}

const ONLY_LOOKS = "They are linked by how they look.";

/**
 * What two records share, in one sentence.
 *
 * @param {Entry} a
 * @param {Entry} b
 */
export function linkSentence(a, b) {
  /** @type {[string, readonly string[]][]} */
  const all = [
    ["creator", shared(a.creators, b.creators)],
    ["subject", shared(a.subject, b.subject)],
    ["date", shared(valueOf(dateText(a.date)), valueOf(dateText(b.date)))],
  ];
  const parts = all.filter(([, values]) => values.length > 0)
    .map(([name, values]) => `the ${name}${values.length > 1 ? "s" : ""} ${values.join("; ")}`);
  const last = parts.pop();
  if (last === undefined) return `Their records name nothing in common. ${ONLY_LOOKS}`;
  const list = parts.length === 0 ? last : `${parts.join(", ")} and ${last}`;
  return `Their records share ${list}.`;
}

/**
 * @param {Entry | undefined} a
 * @param {Entry} b
 */
function table(a, b) {
  const rows = [
    row("Title", a && valueOf(a.title.trim()), valueOf(b.title.trim())),
    row("Creators", a?.creators, b.creators),
    row("Subject", a?.subject, b.subject),
    row("Date", a && valueOf(dateText(a.date)), valueOf(dateText(b.date))),
    row("Access", a && valueOf(a.access).map(accessName), valueOf(b.access).map(accessName)),
    row("Licence", a && valueOf(a.license), valueOf(b.license)),
  ].filter(({ left, right }) => left.length + right.length > 0);
  return el(
    "table",
    { role: "table" },
    el("caption", { class: "unseen" }, "What the two records say"),
    el(
      "thead",
      { class: "unseen" },
      el(
        "tr",
        {},
        el("td"),
        el("th", { scope: "col" }, "Asked picture"),
        el("th", { scope: "col" }, "Compared picture"),
      ),
    ),
    el("tbody", { role: "rowgroup" }, ...rows.map(tableRow)),
  );
}

/**
 * @param {string} name
 * @param {readonly string[] | undefined} left
 * @param {readonly string[]} right
 * @returns {FieldRow}
 */
function row(name, left = [], right) {
  return { name, left, right };
}

/** @param {FieldRow} row */
function tableRow({ name, left, right }) {
  const both = new Set(shared(left, right).map(sameAs));
  // The roles are said, as the style takes them away.
  return el(
    "tr",
    { role: "row" },
    el("th", { scope: "row", role: "rowheader" }, name),
    el("td", { role: "cell" }, ...values(left, both)),
    el("td", { role: "cell" }, ...values(right, both)),
  );
}

/**
 * @param {readonly string[]} values
 * @param {ReadonlySet<string>} both
 */
function values(values, both) {
  if (values.length === 0) return [el("span", { class: "none" }, "not stated")];
  return values.map((value) =>
    both.has(sameAs(value))
      ? el("mark", {}, value, el("span", { class: "unseen" }, " (in both)"))
      : el("span", { class: "value" }, value)
  );
}

/** @param {string} text */
function valueOf(text) {
  return text === "" ? [] : [text];
}

/** @param {string} value */
function sameAs(value) {
  return value.trim().toLowerCase();
}

/**
 * @param {readonly string[]} a
 * @param {readonly string[]} b
 */
function shared(a, b) {
  const others = new Set(b.map(sameAs));
  return a.filter((value) => others.has(sameAs(value)));
}
