// @ts-check
/// <reference lib="dom" />
/** What was seen at each entry of the browser's history, so that coming back shows it as it was. */

/** @import { Answer } from "./question.js" */

/**
 * @typedef {object} Memory
 * @property {Answer} answer
 * @property {number} scroll in pixels
 * @property {number} current index of the card that had the focus, else -1
 */

/** Older ones are asked for again. */
const MAX_MEMORIES = 100;

export class Memories {
  #key = keyNow();
  /** @type {Map<string, Memory>} */
  #memories = new Map();

  /**
   * Keeps what is seen now.
   *
   * @param {Memory} memory
   */
  keep(memory) {
    this.#memories.set(this.#key, memory);
    const [oldest] = this.#memories.keys();
    if (this.#memories.size > MAX_MEMORIES && oldest !== undefined) this.#memories.delete(oldest);
  }

  /**
   * Adds an entry to the browser's history.
   *
   * @param {string} address
   */
  add(address) {
    this.#key = `${Date.now()}-${Math.random()}`;
    history.pushState({ key: this.#key }, "", address);
  }

  /**
   * Whether the entry was added here, so that going back stays on the page.
   */
  isOurs() {
    return history.state?.key !== undefined;
  }

  /** After the browser went to another entry: what was seen there, if it was here. */
  recall() {
    this.#key = keyNow();
    return this.#memories.get(this.#key);
  }
}

/** @returns {string} for an entry that the page did not add, such as a skip link's, its address */
function keyNow() {
  return history.state?.key ?? location.search;
}
