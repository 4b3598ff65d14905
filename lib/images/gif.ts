/** Makes a GIF's first frame opaque: a transparent pixel then keeps the colour of the palette. */

/**
 * The file with the first frame's transparency switched off.
 *
 * @throws {RangeError} if that frame leaves a part of the picture empty, or the file ends before it
 */
export function opaqueGif(file: Uint8Array): Uint8Array {
  const gif = file.slice();
  const view = new DataView(gif.buffer);
  const flags = view.getUint8(10);
  let at = 13 + (flags & 0x80 ? 6 << (flags & 7) : 0);
  while (view.getUint8(at) === 0x21) { // an extension
    if (view.getUint8(at + 1) === 0xf9) view.setUint8(at + 3, view.getUint8(at + 3) & 0xfe);
    at += 2;
    while (view.getUint8(at) > 0) at += 1 + view.getUint8(at); // its blocks
    at++;
  }
  const word = (offset: number) => view.getUint16(offset, true);
  if (
    word(at + 1) + word(at + 3) > 0 || word(at + 5) < word(6) || word(at + 7) < word(8)
  ) throw new RangeError("its first frame leaves a part of the picture empty");
  return gif;
}
