// @ts-check
/// <reference lib="dom" />
/** The one card of the grid that Tab comes to; the arrow keys lead from it to the others. */
import { neighbourOf } from "./arrows.js";

/** @import { Card } from "./card.js" */

/** A "roving tabindex" over the cards. */
export class RovingFocus {
  /** @type {readonly Card[]} */
  #cards = [];
  #current = 0;

  /** Index of the card. */
  get current() {
    return this.#current;
  }

  /**
   * Takes other cards, or more of them; the index stays.
   *
   * @param {readonly Card[]} cards
   */
  setCards(cards) {
    this.#cards = cards;
    this.set(this.#current);
  }

  /** Begins with the first one again. */
  reset() {
    this.#cards = [];
    this.#current = 0;
  }

  /** @param {number} index */
  set(index) {
    const old = this.#cards[this.#current];
    const card = this.#cards[index] ?? this.#cards[0];
    if (old !== undefined) setTabIndex(old, -1);
    if (card === undefined) return;
    setTabIndex(card, 0);
    this.#current = this.#cards.indexOf(card);
  }

  /**
   * Gives a card the focus, if there is one of that index.
   *
   * @param {number} index
   * @param {FocusOptions} [options]
   */
  focus(index, options) {
    const card = this.#cards[index];
    if (card === undefined) return;
    this.set(index);
    card.link.focus(options);
  }

  /**
   * Follows a key.
   *
   * @param {Card} card where it was pressed
   * @param {string} key
   * @returns whether it is one that leads to a card
   */
  follow(card, key) {
    const items = this.#cards.map(({ item }) => item);
    const next = neighbourOf(items, this.#cards.indexOf(card), key);
    if (next === undefined) return false;
    this.focus(next);
    return true;
  }
}

/**
 * @param {Card} card
 * @param {0 | -1} tabIndex
 */
function setTabIndex({ link, compare }, tabIndex) {
  link.tabIndex = tabIndex;
  if (compare !== undefined) compare.tabIndex = tabIndex;
}
