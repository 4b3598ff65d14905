// @ts-check
/** Rows of pictures that fill the width and keep each picture's shape. */

/** @typedef {{ widths: number[], height: number, isFull: boolean }} Row */

/** Shapes beyond these get bars at their sides, lest one picture take the whole screen. */
const NARROWEST = 0.45;
const WIDEST = 3;

/**
 * Lays out pictures in their order. The last row is left ragged, unless it happens to be full.
 *
 * @param {readonly number[]} ratios width / height of each
 * @param {{ width: number, height: number, gap: number }} size in pixels; `height` is about that of a
 *   row
 * @returns {Row[]} in whole pixels
 */
export function layRows(ratios, { width, height, gap }) {
  /** @type {Row[]} */
  const rows = [];
  /** @type {number[]} */
  let row = [];
  for (const ratio of ratios) {
    const next = Math.min(WIDEST, Math.max(NARROWEST, ratio));
    const without = fullHeight(row, width, gap);
    const withIt = fullHeight([...row, next], width, gap);
    // Of a row with and without this picture, the one whose height is nearer to the wanted.
    if (withIt < height && row.length > 0 && without / height < height / withIt) {
      rows.push(fill(row, without, width, gap));
      row = [];
    }
    row.push(next);
    const own = fullHeight(row, width, gap);
    if (own <= height) {
      rows.push(fill(row, own, width, gap));
      row = [];
    }
  }
  if (row.length > 0) {
    const widths = row.map((ratio) => Math.floor(Math.min(width, ratio * height)));
    rows.push({ widths, height: Math.round(height), isFull: false });
  }
  return rows;
}

/**
 * Height at which the pictures fill the width.
 *
 * @param {readonly number[]} ratios
 * @param {number} width
 * @param {number} gap
 */
function fullHeight(ratios, width, gap) {
  const sum = ratios.reduce((sum, ratio) => sum + ratio, 0);
  return (width - gap * (ratios.length - 1)) / sum;
}

/**
 * @param {readonly number[]} ratios
 * @param {number} height
 * @param {number} width
 * @param {number} gap
 * @returns {Row}
 */
function fill(ratios, height, width, gap) {
  const widths = ratios.map((ratio) => Math.floor(ratio * height));
  const left = width - gap * (ratios.length - 1) - widths.reduce((sum, w) => sum + w, 0);
  const last = widths.length - 1;
  widths[last] = (widths[last] ?? 0) + Math.floor(left);
  return { widths, height: Math.round(height), isFull: true };
}
