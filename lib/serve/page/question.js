// @ts-check
/// <reference lib="dom" />
/** From a view to its pictures. */
import { kindOf } from "./address.js";
import * as api from "./api.js";

/** @import { Entry, Facet, IndexInfo } from "./api.js" */
/** @import { AskedPicture } from "./asked.js" */
/** @import { View } from "./address.js" */

/**
 * @typedef {object} Answer
 * @property {AskedPicture | undefined} asked
 * @property {readonly Entry[]} entries
 * @property {number} total how many there are to be had, these among them
 */

/** @typedef {{ file: File, src: string }} OwnPicture */

/** Pictures that are asked for at a time. */
export const PAGE_SIZE = 50;
/** As far down as a similarity is looked up. */
const FAR = 1000;

/** The picture of the user's own that a view asks for is not there any more. */
export class PictureGone extends Error {}

/** Asks, and remembers what can be asked again. */
export class Questions {
  /** @type {Map<string, Promise<readonly Facet[]>>} */
  #access = new Map();
  /** @type {Map<string, Entry>} */
  #known = new Map();
  /** @type {Map<string, OwnPicture>} */
  #pictures = new Map();

  /**
   * Remembers a picture of the user's own for as long as the page is open.
   *
   * @param {File} file
   * @returns {string} its key in a view
   */
  keep(file) {
    const key = Date.now().toString(36);
    this.#pictures.set(key, { file, src: URL.createObjectURL(file) });
    return key;
  }

  /**
   * Documents by access; none if the server cannot tell.
   *
   * @param {string} index
   * @returns {Promise<readonly Facet[]>}
   */
  async access(index) {
    let facets = this.#access.get(index);
    if (facets === undefined) {
      facets = api.getAccess(index, new AbortController().signal).catch(() => {
        this.#access.delete(index);
        return [];
      });
      this.#access.set(index, facets);
    }
    return await facets;
  }

  /**
   * What a view asks for, if that is known without asking the server.
   *
   * @param {View} view
   * @returns {AskedPicture | undefined}
   */
  asked(view) {
    const picture = this.#pictures.get(view.picture);
    if (picture !== undefined) return { src: picture.src, fileName: picture.file.name };
    const entry = this.#known.get(`${view.index}/${view.id}`);
    return entry && { src: api.pictureUrl(view.index, entry.id), entry };
  }

  /**
   * @param {View} view
   * @param {number} offset pictures to pass over
   * @param {AbortSignal} signal
   * @returns {Promise<Answer>}
   */
  async ask(view, offset, signal) {
    const part = { size: PAGE_SIZE, offset, access: view.access };
    switch (kindOf(view)) {
      case "random": {
        const entries = await api.getRandom(view.index, part, signal);
        return this.#keep(view, { asked: undefined, entries, total: await this.#count(view) });
      }
      case "text": {
        const found = await api.getByWords(view.index, view.q, part, signal);
        return this.#keep(view, { asked: undefined, ...found });
      }
      case "like": {
        const [entry, entries] = await Promise.all([
          this.item(view.index, view.id, signal),
          api.getNearest(view.index, view.id, part, signal),
        ]);
        const isCounted = view.access === "" || view.access === entry.access;
        const total = await this.#count(view) - (isCounted ? 1 : 0);
        const src = api.pictureUrl(view.index, entry.id);
        return this.#keep(view, { asked: { src, entry }, entries, total });
      }
      case "picture": {
        const picture = this.#pictures.get(view.picture);
        if (picture === undefined) throw new PictureGone();
        const entries = await api.getNearestToPicture(view.index, picture.file, part, signal);
        const asked = { src: picture.src, fileName: picture.file.name };
        return this.#keep(view, { asked, entries, total: await this.#count(view) });
      }
    }
  }

  /**
   * @param {string} index
   * @param {string} id
   * @param {AbortSignal} signal
   */
  async item(index, id, signal) {
    return this.#known.get(`${index}/${id}`) ?? await api.getItem(index, id, signal);
  }

  /**
   * The item that a view compares, with its similarity unless it is far from the nearest.
   *
   * @param {View} view
   * @param {AbortSignal} signal
   * @returns {Promise<Entry>}
   */
  async compared(view, signal) {
    const entry = await this.item(view.index, view.with, signal);
    if (kindOf(view) !== "like") return { ...entry, similarity: undefined };
    const part = { size: FAR, access: view.access };
    const near = await api.getNearest(view.index, view.id, part, signal);
    return near.find(({ id }) => id === entry.id) ?? { ...entry, similarity: undefined };
  }

  /** @param {View} view */
  async #count({ index, access }) {
    const facets = await this.access(index);
    const wanted = facets.filter(({ value }) => access === "" || value === access);
    return wanted.reduce((sum, { count }) => sum + count, 0);
  }

  /**
   * @param {View} view
   * @param {Answer} answer
   */
  #keep({ index }, answer) {
    for (const entry of answer.entries) {
      this.#known.set(`${index}/${entry.id}`, { ...entry, similarity: undefined });
    }
    const { asked } = answer;
    if (asked !== undefined && "entry" in asked) {
      this.#known.set(`${index}/${asked.entry.id}`, asked.entry);
    }
    return answer;
  }
}
