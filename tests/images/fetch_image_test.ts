import assert from "node:assert/strict";
import { join } from "node:path";
import { fetchImage } from "../../lib/images/fetch_image.ts";
import { readImageFile } from "../../lib/images/image_files.ts";
import { client, serve } from "../helpers/http_server.ts";
import { tempDir } from "../helpers/temp_dir.ts";

Deno.test("readImageFile() says in plain words why a file cannot be read", async () => {
  await using dir = await tempDir();
  const file = join(dir.path, "a.jpg");
  await Deno.writeTextFile(file, "a");
  const reasons = {
    [join(dir.path, "none.jpg")]: "no such file or folder",
    [dir.path]: "it is a folder",
    [join(file, "b.jpg")]: "it is not a folder, or below a file",
  };
  for (const [path, reason] of Object.entries(reasons)) {
    const message = `Cannot read "${path}": ${reason}`;
    await assert.rejects(readImageFile(path), { code: "image_file", message });
  }
});

Deno.test("fetchImage() names what an answer holds that is not read", async () => {
  const answers: Record<string, readonly [string | Uint8Array<ArrayBuffer>, string]> = {
    empty: ["", "it is an empty file"],
    page: ["<!DOCTYPE html><title>404</title>", "it is a web page (HTML), not a picture"],
    json: ['{"error": 404}', "it is a JSON text, not a picture"],
    jp2: [
      new Uint8Array([0, 0, 0, 12, 106, 80, 32, 32, 13, 10, 135, 10]),
      "it is a JPEG 2000 file, which Maken cannot read",
    ],
  };
  await using server = serve((request) =>
    new Response(answers[new URL(request.url).pathname.slice(1)]![0], {
      headers: { "content-type": "image/jpeg" },
    })
  );
  const { http } = client(server.host);
  for (const [name, [, reason]] of Object.entries(answers)) {
    const url = `${server.url}${name}`;
    const message = `Cannot use the answer of ${url}: ${reason} (image/jpeg)`;
    await assert.rejects(fetchImage([url], http, { accept: "image/*", ignoreRobots: false }), {
      code: "image_type",
      message,
    });
  }
});
