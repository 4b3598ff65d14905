// @ts-check
/// <reference lib="dom" />
/** Shapes of pictures, width / height; who comes back finds all in its place at once. */

/** Shape of a picture that is not known yet. */
export const USUAL_RATIO = 1.4;
/** The shapes of the first pictures are waited for so long, in milliseconds. */
const PATIENCE = 1500;

/** Shapes by address of the picture. */
const ratios = /** @type {Map<string, number>} */ (new Map());

/**
 * The shape of a picture; undefined until it is known.
 *
 * @param {string} src
 */
export function shapeOf(src) {
  return ratios.get(src);
}

/**
 * Remembers the shape of a picture that is loaded.
 *
 * @param {string} src
 * @param {HTMLImageElement} picture
 */
export function keepShape(src, { naturalWidth: w, naturalHeight: h }) {
  const ratio = w > 0 && h > 0 ? w / h : USUAL_RATIO;
  ratios.set(src, ratio);
  return ratio;
}

/**
 * Loads pictures for their shapes, as far as they come soon; what fails is left to its card.
 *
 * @param {readonly string[]} pictures addresses
 */
export async function learnShapes(pictures) {
  const loaded = pictures.map((src) =>
    new Promise((resolve) => {
      const picture = new Image();
      picture.onload = () => resolve(keepShape(src, picture));
      picture.onerror = resolve;
      picture.src = src;
    })
  );
  await Promise.race([
    Promise.all(loaded),
    new Promise((resolve) => setTimeout(resolve, PATIENCE)),
  ]);
}
