// @ts-check
/** The indexes of the server, and the one that is meant where none is named. */
import { getIndexes } from "./api.js";

/** @import { IndexInfo } from "./api.js" */
/** @import { View } from "./address.js" */

/** The index that is shown first, if it has pictures. */
const USUAL = "images.knn";

export class Indexes {
  /** @type {readonly IndexInfo[] | undefined} */
  #all;

  /** @returns {readonly IndexInfo[]} none until they are loaded */
  get all() {
    return this.#all ?? [];
  }

  /**
   * Asks the server for them, once.
   *
   * @param {AbortSignal} signal
   */
  async load(signal) {
    this.#all ??= await getIndexes(signal);
  }

  /**
   * A view with its index named, as soon as that is known; empty if there is none.
   *
   * @param {View} view
   * @returns {View}
   */
  resolve(view) {
    if (view.index !== "") return view;
    const chosen = this.all.find(({ name, documents }) => name === USUAL && documents > 0) ??
      this.all.find(({ documents }) => documents > 0) ?? this.all[0];
    return { ...view, index: chosen?.name ?? "" };
  }

  /**
   * What is known of a view's index.
   *
   * @param {View} view
   */
  of({ index }) {
    return this.all.find(({ name }) => name === index);
  }
}
