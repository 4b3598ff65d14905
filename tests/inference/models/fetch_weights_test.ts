import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { type Download, fetchFile } from "../../../lib/inference/models/fetch_weights.ts";
import { PartFile } from "../../../lib/inference/models/part_file.ts";
import { Stage } from "../../../lib/shared/run.ts";
import { fileServer } from "../../helpers/file_server.ts";
import { setupError } from "../../helpers/files.ts";
import { serve } from "../../helpers/http_server.ts";
import { ROOT } from "../../helpers/run_task.ts";
import { tempDir } from "../../helpers/temp_dir.ts";

const md5Of = (bytes: Uint8Array) => createHash("md5").update(bytes).digest("hex");

/** A file of more than two parts, no byte of which is where another one could be. */
function largeFile(): Uint8Array<ArrayBuffer> {
  const file = new Uint8Array(9_000_000);
  new Uint32Array(file.buffer).forEach((_, i, words) => words[i] = i);
  return file;
}

const FILE = largeFile();
const MD5 = md5Of(FILE);

/** A run that keeps what it tells. */
class ToldStage extends Stage {
  readonly told: string[] = [];

  override warn(text: string): void {
    this.told.push(text);
  }
}

/** Fetches into a folder as one run does. */
async function fetchInto(dir: string, url: string, options: Partial<Download> = {}) {
  const md5 = options.md5 ?? MD5;
  await using run = new ToldStage("model", new AbortController().signal);
  using part = await PartFile.open(dir, md5);
  const download = {
    url: new URL(url),
    md5,
    allowHosts: [],
    timeoutSeconds: 30,
    retries: 1,
    ...options,
  };
  await fetchFile(download, part, run);
  return { told: run.told, file: await Deno.readFile(part.path), retried: run.stats.retried };
}

/** Bytes that are kept of the file. */
async function kept(dir: string, md5 = MD5): Promise<number | undefined> {
  const path = join(dir, `.maken/${md5}.part`);
  return await Deno.stat(path).then(({ size }) => size, () => undefined);
}

const starts = (requests: readonly { range: readonly number[] | undefined }[]) =>
  requests.map(({ range }) => range?.[0]);

Deno.test("fetchFile() waits for a slow host as long as something comes", async () => {
  await using dir = await tempDir();
  const small = FILE.subarray(0, 1200);
  const md5 = md5Of(small);
  // In all 2.4 s, and never 1 s without a byte.
  await using server = await fileServer(small, () => ({ pace: { bytes: 100, pauseMs: 200 } }));
  const { file } = await fetchInto(dir.path, server.url, { md5, timeoutSeconds: 1, retries: 0 });
  assert.deepEqual([md5Of(file), server.requests.length], [md5, 1]);
});

Deno.test("fetchFile() gives a silent host up, keeps what came and goes on with it", async () => {
  await using dir = await tempDir();
  await using server = await fileServer(
    FILE,
    ({ n }) => n === 0 ? { pace: { bytes: 1_000_000, pauseMs: 60_000 } } : {},
  );
  const message = await setupError(
    fetchInto(dir.path, server.url, { timeoutSeconds: 1.5, retries: 0 }),
  );
  assert.equal(
    message,
    `Cannot get ${server.url}: nothing came in 1.5 s; the same command goes on where it stopped`,
  );
  assert.equal(await kept(dir.path), 1_000_000);
  const { file } = await fetchInto(dir.path, server.url);
  assert.equal(md5Of(file), MD5);
  assert.deepEqual(starts(server.requests), [0, 1_000_000, 5_000_000]);
  assert.equal(server.counts.sent, FILE.length);
});

Deno.test("fetchFile() goes on after each broken connection, and loads nothing twice", async () => {
  await using dir = await tempDir();
  await using server = await fileServer(
    FILE,
    ({ n }) => n % 2 === 0 ? { cutAfter: 1_500_000 } : {},
  );
  const { file, told } = await fetchInto(dir.path, server.url); // more breaks than tries
  assert.equal(md5Of(file), MD5);
  assert.deepEqual(starts(server.requests), [0, 1_500_000, 5_500_000, 7_000_000]);
  assert.deepEqual([server.counts.sent, told], [FILE.length, []]);
});

Deno.test("fetchFile() begins again where a host sends no parts, says so and loses nothing", async () => {
  await using dir = await tempDir();
  const cuts = [2_000_000, 1_000_000, 3_000_000, undefined];
  await using server = await fileServer(
    FILE,
    ({ n }, whole) => ({ ...whole, cutAfter: cuts[n] }),
  );
  await setupError(fetchInto(dir.path, server.url, { retries: 0 }));
  assert.equal(await kept(dir.path), 2_000_000);
  await setupError(fetchInto(dir.path, server.url, { retries: 0 }));
  assert.equal(await kept(dir.path), 2_000_000, "a worse try takes nothing away");
  const { file, told } = await fetchInto(dir.path, server.url);
  assert.equal(md5Of(file), MD5);
  assert.deepEqual(told, [
    `${server.host} sends no parts of files: it begins again, and 2 MB that are here come once more`,
  ]);
});

Deno.test("fetchFile() takes a whole file in the middle, from a host that sent parts before", async () => {
  await using dir = await tempDir();
  await using server = await fileServer(FILE, ({ n }, whole) => n === 1 ? whole : {});
  const { file, told } = await fetchInto(dir.path, server.url);
  assert.deepEqual([md5Of(file), told.length, server.requests.length], [MD5, 1, 2]);
});

Deno.test("fetchFile() follows to hosts that are allowed, by a fresh address for each part", async () => {
  await using dir = await tempDir();
  let signed = 0;
  await using storage = await fileServer(FILE, ({ path }) => {
    if (path !== `/stored?signature=${signed}`) {
      return { status: "403 Forbidden", body: new Uint8Array() };
    }
    return signed === 2 ? { cutAfter: 100 } : {};
  });
  await using hub = serve(() =>
    Response.redirect(`${storage.url}stored?signature=${++signed}`, 302)
  );
  const { file } = await fetchInto(dir.path, hub.url, { allowHosts: [storage.host] });
  assert.equal(md5Of(file), MD5);
  assert.deepEqual([storage.counts.sent, storage.requests.length, hub.requests.length], [
    FILE.length,
    4,
    4,
  ]);
});

Deno.test("fetchFile() names the host that it is redirected to, and no signature", async () => {
  await using dir = await tempDir();
  await using storage = serve(() => new Response("expired", { status: 403 }));
  await using hub = serve(() => Response.redirect(`${storage.url}stored?signature=secret`, 302));
  assert.equal(
    await setupError(fetchInto(dir.path, hub.url)),
    `Cannot get ${hub.url}: it redirects to ${storage.host}; if that host may be asked, ` +
      `add --allow-hosts ${storage.host}`,
  );
  assert.equal(storage.requests.length, 0);
  assert.equal(
    await setupError(fetchInto(dir.path, hub.url, { allowHosts: [storage.host] })),
    `Cannot get ${storage.url}stored?…: status 403 (access refused)`,
  );
  for (
    const [location, reason] of [
      ["file:///etc/passwd", "it is not an http or https address"],
      ["http://me:hunter2@HOST/", "it holds a user name or password"],
    ] as const
  ) {
    await using other = serve(({ headers }) => {
      const to = location.replace("HOST", headers.get("host")!);
      return new Response(null, { status: 302, headers: { location: to } });
    });
    const message = await setupError(fetchInto(dir.path, other.url));
    assert.ok(message.endsWith(`(redirected from ${other.url}): ${reason}`), message);
    assert.ok(!message.includes("hunter2"), message);
  }
});

Deno.test("fetchFile() is not led from https to http", async () => {
  await using storage = serve(() => new Response("plain"));
  const certificate = (name: string) =>
    Deno.readTextFile(join(ROOT, `tests/fixtures/certificates/${name}.pem`));
  const [key, cert] = [await certificate("key"), await certificate("other_name")];
  await using hub = Deno.serve(
    { hostname: "127.0.0.1", port: 0, key, cert, onListen() {} },
    () => Response.redirect(storage.url, 302),
  );
  await using dir = await tempDir();
  const url = `https://127.0.0.1:${hub.addr.port}/`;
  // The certificate is of no authority that is trusted: only another process can be told to take it.
  const code = `
    import { fetchFile } from "./lib/inference/models/fetch_weights.ts";
    import { PartFile } from "./lib/inference/models/part_file.ts";
    import { Stage } from "./lib/shared/run.ts";
    const part = await PartFile.open(${JSON.stringify(dir.path)}, "${MD5}");
    const run = new Stage("model", new AbortController().signal);
    const allowHosts = ["${storage.host}"];
    const options = { md5: "${MD5}", allowHosts, timeoutSeconds: 30, retries: 0 };
    await fetchFile({ url: new URL("${url}"), ...options }, part, run)
      .catch((error) => console.log(error.message));
    part[Symbol.dispose]();`;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--unsafely-ignore-certificate-errors", code],
    cwd: ROOT,
  }).output();
  assert.equal(
    new TextDecoder().decode(stdout),
    `Cannot get ${url}: it redirects to plain http, at ${storage.host}\n`,
  );
  assert.equal(storage.requests.length, 0);
});

Deno.test("fetchFile() takes parts of a file whose length the host does not tell", async () => {
  await using dir = await tempDir();
  for (const tells416 of [true, false]) {
    await using server = await fileServer(FILE, ({ range: [from] = [0] }) => {
      if (from >= FILE.length) return tells416 ? {} : { headers: { "content-range": "" } };
      const last = Math.min(from + 4e6, FILE.length) - 1;
      return { headers: { "content-range": `bytes ${from}-${last}/*` } };
    });
    const { file } = await fetchInto(join(dir.path, `${tells416}`), server.url);
    assert.equal(md5Of(file), MD5);
    assert.deepEqual(starts(server.requests), [0, 4e6, 8e6, 9e6]);
  }
});

Deno.test("fetchFile() refuses a part that was not asked for, or is not told", async () => {
  for (
    const [range, reason] of [
      ["bytes 5-8/9000000", /it sends the bytes from 5 on, not from 0;/],
      ["bytes 8-5/9000000", /which part of the file it is \("bytes 8-5\/9000000"\);/],
      ["", /which part of the file it is \(""\);/],
    ] as const
  ) {
    await using dir = await tempDir();
    const body = FILE.subarray(0, 4);
    await using server = await fileServer(
      FILE,
      () => ({ headers: { "content-range": range }, body }),
    );
    assert.match(await setupError(fetchInto(dir.path, server.url, { retries: 5 })), reason);
    assert.deepEqual([server.requests.length, await kept(dir.path)], [2, 0]);
  }
});

Deno.test("fetchFile() takes no more than what Content-Range says, and asks for what lacks", async () => {
  await using dir = await tempDir();
  await using server = await fileServer(FILE, ({ n }) => {
    if (n === 0) { // more than it says
      return { headers: { "content-range": "bytes 0-999999/9000000" } };
    }
    return n === 1 ? { body: FILE.subarray(1_000_000, 1_500_000) } : {}; // less
  });
  const { file } = await fetchInto(dir.path, server.url);
  assert.equal(md5Of(file), MD5);
  assert.deepEqual(starts(server.requests), [0, 1e6, 1.5e6, 5.5e6]);
});

Deno.test("fetchFile() takes a whole file whose host tells more bytes than it has", async () => {
  await using dir = await tempDir();
  const headers = { "content-length": "9000001" };
  await using server = await fileServer(FILE, (_, whole) => ({ ...whole, headers }));
  const { file } = await fetchInto(dir.path, server.url, { retries: 0 });
  assert.deepEqual([md5Of(file), server.requests.length], [MD5, 1]);
});

Deno.test("fetchFile() begins again with a file that has changed, and says so", async () => {
  const states = {
    etag: ['"one"', '"two"'],
    "last-modified": ["Sun, 22 Nov 2026 12:00:05 GMT", "Mon, 23 Nov 2026 12:00:05 GMT"],
  };
  for (const [name, [before = "", now = ""]] of Object.entries(states)) {
    for (const heedsIfRange of [true, false]) {
      await using dir = await tempDir();
      let file = FILE.map((byte) => byte ^ 1);
      await using older = await fileServer(file, () => {
        return { headers: { [name]: before }, cutAfter: 3_000_000 };
      });
      await using newer = await fileServer(FILE, ({ headers }, whole) => {
        const isOther = heedsIfRange && (headers.get("if-range") ?? now) !== now;
        return { ...isOther && whole, headers: { [name]: now } };
      });
      let current = older.url;
      await using hub = serve(() => Response.redirect(current, 302));
      const options = { allowHosts: [older.host, newer.host], retries: 0 };
      await setupError(fetchInto(dir.path, hub.url, options));
      assert.equal(await kept(dir.path), 3_000_000);
      current = newer.url;
      const done = await fetchInto(dir.path, hub.url, options);
      file = done.file;
      assert.equal(md5Of(file), MD5, `${name}, ${heedsIfRange}`);
      assert.equal(newer.requests[0]!.headers.get("if-range"), before);
      assert.deepEqual(starts(newer.requests).slice(1), heedsIfRange ? [] : [0, 4e6, 8e6]);
      assert.deepEqual(done.told, [
        `${hub.url} has changed since its first part came: it is fetched from its beginning`,
      ]);
    }
  }
});

Deno.test("fetchFile() goes by the checksum where a host has another ETag each time", async () => {
  for (const heedsIfRange of [true, false]) {
    await using dir = await tempDir();
    await using server = await fileServer(FILE, ({ n, headers }, whole) => ({
      ...heedsIfRange && headers.has("if-range") && whole,
      headers: { etag: `"${n}"` },
    }));
    const { file } = await fetchInto(dir.path, server.url, { retries: 0 });
    assert.equal(md5Of(file), MD5);
    assert.ok(server.requests.length < 10, `${server.requests.length} requests`);
  }
});

Deno.test("fetchFile() begins again where the file is shorter than what is kept", async () => {
  const small = FILE.subarray(0, 1000);
  const md5 = md5Of(small);
  for (const sendsParts of [true, false]) {
    await using dir = await tempDir();
    await using longer = await fileServer(FILE, () => ({ cutAfter: 2000 }));
    await setupError(fetchInto(dir.path, longer.url, { md5, retries: 0 }));
    await using server = await fileServer(small, (_, whole) => sendsParts ? {} : whole);
    const { file, told } = await fetchInto(dir.path, server.url, { md5 });
    assert.deepEqual([md5Of(file), told.length], [md5, 1], `${sendsParts}`);
  }
});

Deno.test("fetchFile() unpacks a file that its host packs, and takes no part of the packed one", async () => {
  await using dir = await tempDir();
  const packed = gzipSync(FILE);
  await using server = await fileServer(packed, (_, whole) => ({
    ...whole,
    headers: { "content-encoding": "gzip" },
  }));
  await using parts = await fileServer(packed, () => ({ headers: { "content-encoding": "gzip" } }));
  for (const [i, { url }] of [server, parts].entries()) {
    const { file } = await fetchInto(join(dir.path, `${i}`), url);
    assert.equal(md5Of(file), MD5);
  }
  assert.deepEqual(starts(parts.requests), [0, undefined]);
  await using broken = await fileServer(packed, (_, whole) => ({
    ...whole,
    body: packed.subarray(0, 100_000),
    headers: { "content-encoding": "gzip" },
  }));
  assert.match(await setupError(fetchInto(dir.path, broken.url)), /it is not whole gzip;/);
  await using odd = await fileServer(FILE, () => ({ headers: { "content-encoding": "zstd" } }));
  assert.match(await setupError(fetchInto(dir.path, odd.url)), /it is packed as "zstd"/);
});

Deno.test("fetchFile() tells a page and a pointer from a file, and keeps what is there", async () => {
  const bodies: [text: string, reason: string][] = [
    ["<!DOCTYPE html><title>Sign in</title>", "a web page, not a file of weights"],
    ["\ufeff\n <HTML lang=en>", "a web page, not a file of weights"],
    [
      "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
      "a pointer of Git LFS to the file, not the file",
    ],
  ];
  for (const [text, reason] of bodies) {
    await using dir = await tempDir();
    const body = new TextEncoder().encode(text);
    await using server = await fileServer(FILE, ({ n }, whole) => {
      return n === 0 ? { cutAfter: 3_000_000 } : { ...whole, body };
    });
    await setupError(fetchInto(dir.path, server.url, { retries: 0 }));
    const message = await setupError(fetchInto(dir.path, server.url));
    assert.ok(message.startsWith(`Cannot use ${server.url}: it is ${reason};`), message);
    assert.deepEqual([await kept(dir.path), server.requests.length], [3_000_000, 2]);
  }
});

Deno.test("fetchFile() names both sums of another file, and removes it; nothing is removed before", async () => {
  await using dir = await tempDir();
  const small = FILE.subarray(0, 1000);
  await using server = await fileServer(small);
  assert.equal(
    await setupError(fetchInto(dir.path, server.url)),
    `Cannot use ${server.url}: its md5 is ${
      md5Of(small)
    }, not ${MD5}; what was downloaded is removed`,
  );
  assert.equal(await kept(dir.path), undefined);
});

Deno.test("fetchFile() asks for nothing where the file is whole already", async () => {
  await using dir = await tempDir();
  await using server = await fileServer(FILE);
  await fetchInto(dir.path, server.url);
  const asked = server.requests.length;
  await fetchInto(dir.path, server.url);
  assert.equal(server.requests.length, asked);
});

Deno.test("fetchFile() tells a file that is too large before it comes", async () => {
  const lengths = [{ "content-range": "bytes 0-3999999/300000000" }, {
    "content-length": "300000000",
  }];
  for (const headers of lengths) {
    await using dir = await tempDir();
    await using server = await fileServer(FILE, (_, whole) => ({
      ...("content-length" in headers && whole),
      headers,
    }));
    assert.equal(
      await setupError(fetchInto(dir.path, server.url)),
      `Cannot use ${server.url}: 300 MB, more than 200 MB`,
    );
    assert.equal(await kept(dir.path), 0);
  }
});

Deno.test("PartFile.open() is refused while another run has the file, and harms nothing", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, `.maken/${MD5}.part`);
  {
    using part = await PartFile.open(dir.path, MD5);
    await part.append(FILE.subarray(0, 10));
    assert.equal(
      await setupError(PartFile.open(dir.path, MD5)),
      `Cannot write "${path}": another run is fetching this file`,
    );
    using _other = await PartFile.open(dir.path, "0".repeat(32));
    await part.append(FILE.subarray(10, 20));
  }
  assert.deepEqual(await Deno.readFile(path), FILE.slice(0, 20));
  using part = await PartFile.open(dir.path, MD5);
  assert.equal(part.size, 20);
});
