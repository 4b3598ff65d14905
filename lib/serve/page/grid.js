// @ts-check
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/**
 * The grid: rows of pictures in their own shapes. A row is shown once the shapes of its pictures are
 * known, and stays; until then grey boxes hold its place. So nothing jumps that can be seen.
 */
import { makeCard } from "./card.js";
import { el } from "./dom.js";
import { RovingFocus } from "./focus.js";
import { layRows } from "./rows.js";
import { keepShape, learnShapes, shapeOf, USUAL_RATIO } from "./shapes.js";

/** @import { Entry } from "./api.js" */
/** @import { Card } from "./card.js" */

/**
 * @typedef {object} GridOptions
 * @property {(entry: Entry) => string} picture its address
 * @property {(entry: Entry) => string} href where the card leads to
 * @property {(entry: Entry) => void} onOpen
 * @property {((entry: Entry) => void) | undefined} onCompare
 */

/** A picture that is on the screen but not loaded holds up its row for so long, in milliseconds. */
const PATIENCE = 2500;
/** About as many are on the first screen. */
const FIRST = 14;
/** Boxes in place of pictures while an answer is waited for. */
const BOXES = [1.5, 0.75, 1.3, 1.5, 1, 1.4, 0.7, 1.5, 1.2, 1.5, 0.8, 1.4, 1, 1.5, 1.3, 0.75];

export class Grid {
  /** @type {Card[]} */
  #cards = [];
  /**
   * What is shown when the first shapes are known.
   *
   * @type {Entry[] | undefined}
   */
  #due;
  /** Cards that stay where they are. */
  #placed = 0;
  #focus = new RovingFocus();
  #isDue = false;
  #width = 0;
  /** @type {GridOptions | undefined} */
  #options;

  /** @param {HTMLElement} list */
  constructor(list) {
    this.list = list;
    this.seen = new IntersectionObserver((changes) => this.#onSeen(changes));
    new ResizeObserver(() => this.#onResize()).observe(list);
    list.addEventListener("click", (event) => this.#onClick(event));
    list.addEventListener("keydown", (event) => this.#onKey(event));
    list.addEventListener("focusin", (event) => {
      const card = this.#cardOf(event);
      if (card !== undefined) this.#focus.set(this.#cards.indexOf(card));
    });
  }

  /** Index of the card that Tab comes to. */
  get current() {
    return this.#focus.current;
  }

  /** Grey boxes, until {@linkcode show}. */
  wait() {
    this.#clear();
    const { widths, heights } = flatten(layRows(BOXES, this.#size()));
    this.list.replaceChildren(...widths.map((width, i) => {
      const item = el(
        "li",
        { class: "box", "aria-hidden": "true" },
        el("span", { class: "frame" }),
      );
      setSize(item, width, heights[i] ?? 0);
      return item;
    }));
  }

  /**
   * Shows other pictures, once the shapes of those that are seen first are known.
   *
   * @param {readonly Entry[]} entries
   * @param {GridOptions} options
   */
  show(entries, options) {
    this.#options = options;
    const first = entries.slice(0, FIRST).map(options.picture);
    const unknown = first.filter((picture) => shapeOf(picture) === undefined);
    if (unknown.length === 0) return this.#fill(entries);
    this.wait();
    const due = this.#due = [...entries];
    void learnShapes(unknown).then(() => {
      if (due === this.#due) this.#fill(due);
    });
  }

  /** @param {readonly Entry[]} entries */
  append(entries) {
    if (this.#due !== undefined) this.#due.push(...entries);
    else this.#add(entries);
  }

  /** @param {readonly Entry[]} entries */
  #fill(entries) {
    this.#clear();
    this.list.replaceChildren();
    this.#add(entries);
  }

  /** @param {readonly Entry[]} entries */
  #add(entries) {
    const options = /** @type {GridOptions} */ (this.#options);
    const isComparable = options.onCompare !== undefined;
    const cards = entries.map((entry) => {
      const picture = options.picture(entry);
      const card = makeCard(entry, { picture, href: options.href(entry), isComparable });
      const ratio = shapeOf(picture);
      if (ratio !== undefined) this.#settle(card, ratio);
      card.picture.addEventListener("load", () => {
        card.item.classList.add("loaded");
        this.#settle(card, keepShape(picture, card.picture));
      });
      card.picture.addEventListener("error", () => this.#settle(card, USUAL_RATIO));
      return card;
    });
    // The last row had an end that is none any more.
    this.#placed = this.#startOfLastRow();
    this.#cards.push(...cards);
    this.list.append(...cards.map(({ item }) => item));
    this.#focus.setCards(this.#cards);
    this.#lay();
    for (const card of cards) if (!card.isSettled) this.seen.observe(card.item);
  }

  /** @param {number} index */
  focus(index) {
    this.#focus.focus(index, { preventScroll: true });
  }

  #clear() {
    this.seen.disconnect();
    this.#due = undefined;
    this.#cards = [];
    this.#placed = 0;
    this.#focus.reset();
  }

  /**
   * @param {Card} card
   * @param {number} ratio
   */
  #settle(card, ratio) {
    if (card.isSettled) return;
    card.ratio = ratio;
    card.isSettled = true;
    this.seen.unobserve(card.item);
    this.#layLater();
  }

  #layLater() {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.#lay();
    });
  }

  #size() {
    // Whole pixels, lest a row that is full to a fraction is broken.
    this.#width = Math.floor(this.list.getBoundingClientRect().width);
    const style = getComputedStyle(this.list);
    const height = Math.min(250, Math.max(165, 110 + this.#width * 0.1));
    return { width: this.#width, height, gap: parseFloat(style.columnGap) || 0 };
  }

  /** Lays out what is not placed yet, and places the rows whose shapes are known. */
  #lay() {
    const rest = this.#cards.slice(this.#placed);
    const rows = layRows(rest.map(({ ratio }) => ratio ?? USUAL_RATIO), this.#size());
    let isNext = true;
    let start = 0;
    for (const { widths, height } of rows) {
      const row = rest.slice(start, start += widths.length);
      isNext &&= row.every(({ isSettled }) => isSettled);
      if (isNext) this.#placed += row.length;
      row.forEach(({ item }, i) => {
        setSize(item, widths[i] ?? 0, height);
        item.classList.toggle("placed", isNext);
      });
    }
  }

  #startOfLastRow() {
    const tops = this.#cards.slice(0, this.#placed).map(({ item }) => item.offsetTop);
    const last = tops.at(-1);
    const isWhole = last !== undefined && tops.length === this.#cards.length;
    return isWhole ? tops.indexOf(last) : this.#placed;
  }

  /** @param {IntersectionObserverEntry[]} changes */
  #onSeen(changes) {
    for (const { target, isIntersecting } of changes) {
      const card = this.#cards.find(({ item }) => item === target);
      if (!isIntersecting || card === undefined) continue;
      this.seen.unobserve(target);
      setTimeout(() => this.#settle(card, USUAL_RATIO), PATIENCE);
    }
  }

  #onResize() {
    const width = Math.floor(this.list.getBoundingClientRect().width);
    if (width === this.#width || this.#cards.length === 0) return;
    this.#placed = 0;
    this.#lay();
  }

  /** @param {Event} event */
  #cardOf({ target }) {
    return this.#cards.find(({ item }) => item.contains(/** @type {Node} */ (target)));
  }

  /** @param {MouseEvent} event */
  #onClick(event) {
    const card = this.#cardOf(event);
    if (card === undefined) return;
    if (card.compare?.contains(/** @type {Node} */ (event.target))) {
      this.#options?.onCompare?.(card.entry);
      return;
    }
    const isPlain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey;
    if (!isPlain || !card.link.contains(/** @type {Node} */ (event.target))) return;
    event.preventDefault();
    this.#options?.onOpen(card.entry);
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const card = this.#cardOf(event);
    if (card === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "c" && this.#options?.onCompare !== undefined) {
      this.#options.onCompare(card.entry);
      return;
    }
    if (this.#focus.follow(card, event.key)) event.preventDefault();
  }
}

/**
 * @param {HTMLElement} item
 * @param {number} width
 * @param {number} height of the picture, in pixels
 */
function setSize(item, width, height) {
  item.style.width = `${width}px`;
  item.style.setProperty("--height", `${height}px`);
}

/** @param {import("./rows.js").Row[]} rows */
function flatten(rows) {
  return {
    widths: rows.flatMap(({ widths }) => widths),
    heights: rows.flatMap(({ widths, height }) => widths.map(() => height)),
  };
}
