/** From resized pixels to the network's input. */

/** x / 127.5 - 1 in float32 arithmetic, as Keras' `preprocess_input(mode="tf")` computes it. */
const SCALED = Float32Array.from(
  { length: 256 },
  (_, x) => Math.fround(Math.fround(x / 127.5) - 1),
);

/**
 * Writes one picture into a batch.
 *
 * @param pixels uint8[size, size, channels], row-major, 1 or 3 channels
 * @param input float32[n, 3, size, size], channels RGB
 * @param index of the picture in the batch
 */
export function preprocess(
  pixels: Uint8Array,
  channels: 1 | 3,
  input: Float32Array,
  index: number,
): void {
  const area = pixels.length / channels;
  const red = index * 3 * area;
  const green = red + area;
  const blue = green + area;
  const [g, b] = channels === 3 ? [1, 2] : [0, 0];
  for (let i = 0, p = 0; i < area; i++, p += channels) {
    input[red + i] = SCALED[pixels[p]!]!;
    input[green + i] = SCALED[pixels[p + g]!]!;
    input[blue + i] = SCALED[pixels[p + b]!]!;
  }
}
