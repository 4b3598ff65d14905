// @ts-check
/// <reference lib="dom" />
/** Where the keys lead to in rows of elements. */

/**
 * The element that a key leads to; undefined if it is none of the grid's keys.
 *
 * @param {readonly HTMLElement[]} items in their order, laid out in rows
 * @param {number} from
 * @param {string} key
 */
export function neighbourOf(items, from, key) {
  const last = items.length - 1;
  switch (key) {
    case "ArrowRight":
      return Math.min(last, from + 1);
    case "ArrowLeft":
      return Math.max(0, from - 1);
    case "Home":
      return 0;
    case "End":
      return last;
    case "ArrowDown":
      return inNextRow(items, from, 1);
    case "ArrowUp":
      return inNextRow(items, from, -1);
    default:
      return undefined;
  }
}

/**
 * Of the row below or above, the element whose middle is nearest.
 *
 * @param {readonly HTMLElement[]} items
 * @param {number} from
 * @param {1 | -1} step
 */
function inNextRow(items, from, step) {
  /** @param {number} i */
  const top = (i) => items[i]?.offsetTop;
  /** @param {number} i */
  const middle = (i) => (items[i]?.offsetLeft ?? 0) + (items[i]?.offsetWidth ?? 0) / 2;
  let i = from;
  while (top(i) === top(from)) i += step;
  const row = top(i);
  let best = from;
  let least = Infinity;
  for (; row !== undefined && top(i) === row; i += step) {
    const distance = Math.abs(middle(i) - middle(from));
    if (distance < least) [best, least] = [i, distance];
  }
  return best;
}
