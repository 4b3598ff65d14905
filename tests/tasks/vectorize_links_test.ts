/** Links and image hosts as catalogues really have them. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { importEncoder } from "../helpers/encoder.ts";
import { serve } from "../helpers/http_server.ts";
import { jsonOf, ROOT, runTask } from "../helpers/run_task.ts";
import { tempDir } from "../helpers/temp_dir.ts";

const photo = await Deno.readFile(join(ROOT, "tests/fixtures/photos/ski_rocket.jpg"));

/** Runs vectorize on one record for each of these links. */
async function vectorize(
  dir: string,
  url: string,
  links: Record<string, unknown>,
  ...more: string[]
) {
  const [records, vectors] = [join(dir, "r"), join(dir, "v")];
  await Deno.mkdir(records, { recursive: true });
  for (const [id, _links] of Object.entries(links)) {
    await Deno.writeTextFile(join(records, `${id}.json`), JSON.stringify({ id, _links }));
  }
  return await runTask(
    ["vectorize", records, "*", vectors, "--download-images", "--base-url", url, "--delay", "0"]
      .concat("--model", await importEncoder(dir), "--retries", "0", ...more),
  );
}

Deno.test("vectorize follows links in lists, without a scheme, and without a host", async () => {
  await using dir = await tempDir();
  const asked: string[] = [];
  await using host = serve((request) => {
    asked.push(new URL(request.url).pathname);
    return new Response(photo);
  });
  const href = "image/full/{width},{height}/0/native.jpg";
  const result = await vectorize(dir.path, host.url, {
    list: { thumbnail_custom: [{ href: `${host.url}list/${href}` }] },
    list_with_gaps: {
      thumbnail_custom: [null, { name: "x" }, { href: `${host.url}gaps/${href}` }],
    },
    no_scheme: { thumbnail_custom: { href: `//${host.host}/scheme/${href}` } },
    no_host: { thumbnail_custom: { href: `/host/${href}` } },
    large_list: { thumbnail_large: [{ href: "/large.jpg" }] },
  }, "--json");
  assert.equal(jsonOf(result).stored, 5, result.stderr);
  const image = "image/full/600,600/0/native.jpg";
  assert.deepEqual(asked.sort(), [
    `/gaps/${image}`,
    `/host/${image}`,
    "/large.jpg",
    `/list/${image}`,
    `/scheme/${image}`,
  ]);
});

Deno.test("a server that does not enlarge pictures is told as that, not as a matter of rights", async () => {
  const refusals = [
    [403, "Requests for scales in excess of 100% are not allowed."],
    [400, "Upscaling is not supported"],
    [403, '{"error": "requested size exceeds the full size of the image"}'],
  ] as const;
  for (const [status, body] of refusals) {
    await using dir = await tempDir();
    await using host = serve(() => new Response(body, { status }));
    const href = `${host.url}{width},{height}.jpg`;
    const { code, stderr } = await vectorize(dir.path, host.url, {
      a: { thumbnail_custom: { href } },
    });
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`status ${status}.*does not enlarge pictures`));
    assert.doesNotMatch(stderr, /rights/);
  }
});

for (
  const [engine, wanted] of [
    ["onnx", ["image/jpeg", "image/png", "image/webp", "image/tiff", "image/gif"]],
    ["wasm", ["image/jpeg", "image/png"]],
  ] as const
) {
  Deno.test(`vectorize with ${engine} asks for the kinds of pictures that it reads`, async () => {
    await using dir = await tempDir();
    let accept = "";
    await using host = serve((request) => {
      accept = request.headers.get("accept") ?? "";
      return new Response(photo);
    });
    const links = { a: { thumbnail_large: { href: `${host.url}a.jpg` } } };
    const result = await vectorize(dir.path, host.url, links, "--engine", engine, "--json");
    assert.equal(jsonOf(result).stored, 1, result.stderr);
    assert.deepEqual(accept.split(", "), wanted);
  });
}

Deno.test("a record whose name is not UTF-8 is a failure with that reason", async () => {
  await using dir = await tempDir();
  await using host = serve(() => new Response(photo));
  await Deno.mkdir(join(dir.path, "r"));
  // Deno itself makes no such name.
  const { success } = await new Deno.Command("python3", {
    args: ["-c", "import os,sys; open(os.fsencode(sys.argv[1]) + b'/caf\\xe9.json', 'w')"]
      .concat(join(dir.path, "r")),
  }).output();
  assert.ok(success);
  const { code, stderr } = await vectorize(dir.path, host.url, {
    a: { thumbnail_large: { href: "/a.jpg" } },
  });
  assert.equal(code, 1);
  assert.match(stderr, /Cannot use "[^"]*caf.\.json": its name is not UTF-8$/m);
  assert.match(stderr, /1 stored, 0 skipped, 1 failed of 2/);
});
