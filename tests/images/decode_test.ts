import assert from "node:assert/strict";
import { decode } from "../../lib/images/decode.ts";
import { resizeBicubic } from "../../lib/images/resize.ts";

const fixture = (path: string) => new URL(`../fixtures/${path}`, import.meta.url);

/** sha256 of the picture's uint8[299, 299, 3] after decoding and resizing. */
async function resizedDigest(file: URL): Promise<string> {
  const { data, width, height, channels } = await decode(await Deno.readFile(file));
  const small = resizeBicubic(data, width, height, channels, 299, 299);
  const rgb = new Uint8Array(299 * 299 * 3);
  for (let i = 0; i < rgb.length; i++) {
    rgb[i] = small[channels === 3 ? i : Math.floor(i / 3)]!;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", rgb)).toHex();
}

// reference/index.json was made by Pillow 9.3 with the vectors: see reference/README.md.
const index = JSON.parse(await Deno.readTextFile(fixture("reference/index.json")));
for (const [name, digest] of Object.entries(index.resized_rgb_sha256)) {
  Deno.test(`decode() and resizeBicubic() of ${name} equal Pillow's, byte for byte`, async () => {
    assert.equal(await resizedDigest(fixture(`photos/${name}`)), digest);
  });
}

// Unusual kinds of pictures, resized by Pillow: tests/fixtures/regenerate.py.
for (
  const line of (await Deno.readTextFile(fixture("pictures/resized.sha256"))).trim().split("\n")
) {
  const [digest, name] = line.split(/\s+/);
  Deno.test(`decode() and resizeBicubic() of ${name} equal Pillow's, byte for byte`, async () => {
    assert.equal(await resizedDigest(fixture(`pictures/${name}`)), digest);
  });
}

Deno.test("decode() refuses pictures that are cut short, and what is no picture", async () => {
  for (const name of ["skl_china.jpg", "ski_coffee.png"]) {
    const whole = await Deno.readFile(fixture(`photos/${name}`));
    for (const part of [0.02, 0.3, 0.9, 0.99]) {
      const cut = whole.slice(0, Math.floor(part * whole.length));
      await assert.rejects(decode(cut), { code: "image_unreadable" }, `${name} cut to ${part}`);
    }
  }
  for (const text of ["", "<!doctype html><title>404</title>", "\xff\xd8\xff"]) {
    await assert.rejects(decode(new TextEncoder().encode(text)), { code: "image_unreadable" });
  }
});
