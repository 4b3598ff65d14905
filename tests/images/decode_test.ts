import assert from "node:assert/strict";
import { decode as decodeNative } from "../../lib/images/decode.ts";
import { decode as decodeWasm } from "../../lib/images/decode_wasm.ts";
import { type Filter, FILTER_NAMES } from "../../lib/images/filters.ts";
import type { Decode } from "../../lib/images/pixels.ts";
import { resize } from "../../lib/images/resize.ts";

const DECODERS: Record<string, Decode> = { onnx: decodeNative, wasm: decodeWasm };

const fixture = (path: string) => new URL(`../fixtures/${path}`, import.meta.url);

/** sha256 of the picture's uint8[height, width, 3] after decoding and resizing. */
async function resizedDigest(
  file: URL,
  decode: Decode,
  [outWidth, outHeight]: readonly [number, number] = [299, 299],
  filter?: Filter,
): Promise<string> {
  const { data, width, height, channels } = await decode(await Deno.readFile(file));
  const small = resize(data, width, height, channels, outWidth, outHeight, filter);
  const rgb = new Uint8Array(outWidth * outHeight * 3);
  for (let i = 0; i < rgb.length; i++) {
    rgb[i] = small[channels === 3 ? i : Math.floor(i / 3)]!;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", rgb)).toHex();
}

/** Digests of Pillow's pixels by path. */
const expected = new Map<string, string>();
// reference/index.json was made by Pillow 9.3 with the vectors: see reference/README.md.
const index: { resized_rgb_sha256: Record<string, string> } = JSON.parse(
  await Deno.readTextFile(fixture("reference/index.json")),
);
for (const [name, digest] of Object.entries(index.resized_rgb_sha256)) {
  expected.set(`photos/${name}`, digest);
}
// Unusual kinds of pictures, resized by Pillow: tests/fixtures/regenerate.py.
const lines = await Deno.readTextFile(fixture("pictures/resized.sha256"));
for (const line of lines.trim().split("\n")) {
  const [digest = "", name] = line.split(/\s+/);
  expected.set(`pictures/${name}`, digest);
}

for (const [path, digest] of expected) {
  Deno.test(`decode() and resize() of ${path} equal Pillow's, byte for byte`, async () => {
    assert.equal(await resizedDigest(fixture(path), decodeNative), digest);
    if (/\.(jpg|png)$/.test(path) && !path.includes("cmyk")) {
      assert.equal(await resizedDigest(fixture(path), decodeWasm), digest, "wasm");
    } else {
      const refusal = { code: "image_type", message: /--engine onnx reads it/ };
      await assert.rejects(decodeWasm(await Deno.readFile(fixture(path))), refusal);
    }
  });
}

Deno.test("resize() equals Pillow's by each filter, smaller and larger, byte for byte", async () => {
  const lines = (await Deno.readTextFile(fixture("pictures/filters.sha256"))).trim().split("\n");
  const filters = new Set<string>();
  for (const line of lines) {
    const [digest, name, size = "", path = ""] = line.split(/\s+/);
    const filter = FILTER_NAMES.find((filter) => filter === name)!;
    const [width = 0, height = 0] = size.split("x").map(Number);
    const made = await resizedDigest(fixture(path), decodeNative, [width, height], filter);
    assert.equal(made, digest, line);
    filters.add(filter);
  }
  assert.deepEqual([...filters].sort(), FILTER_NAMES.toSorted());
});

const china = await Deno.readFile(fixture("photos/skl_china.jpg"));
const coffee = await Deno.readFile(fixture("photos/ski_coffee.png"));

/** The file with the bytes at `at` replaced by others, which may be more or less. */
function patched(
  file: Uint8Array<ArrayBuffer>,
  at: number,
  removed: number,
  added: Iterable<number>,
): Uint8Array<ArrayBuffer> {
  return new Uint8Array([...file.subarray(0, at), ...added, ...file.subarray(at + removed)]);
}

/** Where the marker of a JPEG's segment is. */
function markerAt(file: Uint8Array, marker: number): number {
  return file.findIndex((byte, i) => byte === 0xff && file[i + 1] === marker);
}

for (const [engine, decode] of Object.entries(DECODERS)) {
  Deno.test(`decode() of ${engine} refuses files that are cut short, and what is no picture`, async () => {
    for (const [name, whole] of Object.entries({ china, coffee })) {
      for (const part of [0.001, 0.02, 0.3, 0.9, 0.99]) {
        const cut = whole.slice(0, Math.floor(part * whole.length));
        await assert.rejects(decode(cut), { code: "image_unreadable" }, `${name} cut to ${part}`);
      }
    }
    for (const text of ["", "<!doctype html><title>404</title>", "\xff\xd8\xff"]) {
      await assert.rejects(decode(new TextEncoder().encode(text)), { code: "image_unreadable" });
    }
  });

  Deno.test(`decode() of ${engine} refuses files that are damaged in the middle`, async () => {
    const middle = Math.floor(china.length / 2);
    let state = 1;
    const noise = Array.from(
      { length: 999 },
      () => (state = (state * 1103515245 + 12345) % 2 ** 31) >> 16 & 255,
    );
    const damaged = {
      "a gap": patched(china, middle, 2000, []),
      "noise": patched(china, middle, noise.length, noise),
      "an early end": patched(china, middle, 0, [0xff, 0xd9]),
      "a wrong table": patched(china, markerAt(china, 0xc4) + 20, 1, [255]),
      "more rows than there are": patched(china, markerAt(china, 0xc0) + 5, 2, [4, 0]),
      "noise in a PNG": patched(coffee, coffee.length >> 1, noise.length, noise),
      "another PNG header": patched(coffee, 16, 2, [0, 1]),
    };
    for (const [name, file] of Object.entries(damaged)) {
      await assert.rejects(decode(file), { code: "image_unreadable" }, name);
    }
    const progressive = await Deno.readFile(fixture("pictures/progressive.jpg"));
    const secondScan = progressive.indexOf(0xff, markerAt(progressive, 0xda) + 14);
    const cut = patched(progressive, secondScan, progressive.length, [0xff, 0xd9]);
    await assert.rejects(decode(cut), { message: /lacks scans/ });
    assert.equal((await decode(china)).width, 640, "the decoder still works");
  });

  Deno.test(`decode() of ${engine} takes what is odd but harmless`, async () => {
    const whole = await decode(china);
    const odd = {
      "a later JFIF": patched(china, 11, 1, [2]),
      "stray bytes in the header": patched(china, markerAt(china, 0xdb), 0, [1, 2, 3]),
      "bytes after the end": patched(china, china.length, 0, [0, 1, 2, 3]),
    };
    for (const [name, file] of Object.entries(odd)) {
      assert.deepEqual(await decode(file), whole, name);
    }
  });

  Deno.test(`decode() of ${engine} refuses what is too large before it is decoded`, async () => {
    const huge = patched(china, markerAt(china, 0xc0) + 5, 4, [255, 0, 255, 0]);
    await assert.rejects(decode(huge), { code: "image_too_large" });
  });
}
