/**
 * How fast `deno task download` stores records, and with how much memory, against a bare loop that
 * only writes the same files atomically (temporary file, then rename), in the same run.
 *
 * Run: deno run --allow-all bench/download_bench.ts [RECORDS …]     (default: 10000 100000)
 *
 * A process of its own stands in for the catalogue: it makes 100 records a page as they are asked
 * for, in page or scroll mode, without a delay.
 */
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname!, "..");
const SIZE = 100;

function recordOf(n: number) {
  const id = n.toString(16).padStart(32, "0");
  const urn = `URN:NBN:no-nb_digifoto_${n}`;
  const href =
    `https://www.nb.no/services/image/resolver/${urn}/full/{width},{height}/0/native.jpg`;
  return {
    id,
    accessInfo: { accessAllowedFrom: ["EVERYWHERE", "NORWAY", "NB", "LIBRARY"][n % 4]! },
    metadata: {
      title: `Picture ${n}`,
      creators: ["Wilse, Anders Beer"],
      identifiers: { urn, sesamId: id },
      originInfo: {
        issued: String(1850 + n % 150),
        firstDigitalContentTime: "2021-09-22T01:02:03Z",
      },
      mediaTypes: ["bilder"],
      contentClasses: ["public", "jp2"],
    },
    _links: {
      self: { href: `https://api.nb.no:443/catalog/v1/items/${id}` },
      thumbnail_custom: { href },
    },
  };
}

/** Answers `?size=100&scroll=true[&from=N]`. */
function serve(total: number): void {
  Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: ({ port }) => print(String(port)) },
    (req) => {
      const url = new URL(req.url);
      const from = Number(url.searchParams.get("from") ?? 0);
      const items = Array.from(
        { length: Math.min(SIZE, total - from) },
        (_, i) => recordOf(from + i),
      );
      url.searchParams.set("from", String(from + SIZE));
      return Response.json({
        page: { size: SIZE, totalElements: total, totalPages: Math.ceil(total / SIZE), number: 0 },
        _embedded: { items },
        _links: from + SIZE < total ? { next: { href: url.href } } : {},
      });
    },
  );
}

/** The bare loop: the same files, nothing else. */
async function writeBare(total: number, out: string): Promise<void> {
  const temporary = join(out, "temporary");
  for (let n = 0; n < total; n++) {
    const record = recordOf(n);
    const folder = join(out, record.accessInfo.accessAllowedFrom.toLowerCase());
    if (n < 4) await Deno.mkdir(folder, { recursive: true });
    await Deno.writeTextFile(temporary, JSON.stringify(record));
    await Deno.rename(temporary, join(folder, `${record.id}.json`));
  }
}

/** Seconds and peak resident memory in MB of a command, the largest of its processes. */
async function measure(args: string[]): Promise<{ seconds: number; megabytes: number }> {
  const start = performance.now();
  const { code, stderr } = await new Deno.Command("/usr/bin/time", {
    args: ["-f", "peak %M", Deno.execPath(), ...args],
    cwd: ROOT,
    stdout: "null",
    stderr: "piped",
  }).output();
  const text = new TextDecoder().decode(stderr);
  if (code !== 0) throw new Error(text);
  return {
    seconds: (performance.now() - start) / 1000,
    megabytes: Number(/peak (\d+)/.exec(text)![1]) / 1024,
  };
}

function print(text: string): void {
  // deno-lint-ignore no-console -- its result
  console.log(text);
}

async function compare(total: number): Promise<void> {
  const script = import.meta.filename!;
  const server = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-net=127.0.0.1", script, "serve", String(total)],
    stdout: "piped",
  }).spawn();
  const { value } = await server.stdout.pipeThrough(new TextDecoderStream()).getReader().read();
  const url = `http://127.0.0.1:${value!.trim()}`;
  const dir = await Deno.makeTempDir();
  try {
    const out = join(dir, "tool");
    const tool = await measure(
      ["task", "--quiet", "download", "--scroll", "--size", String(SIZE), "--delay", "0"]
        .concat("-o", out, "--base-url", url),
    );
    const bare = join(dir, "bare");
    await Deno.mkdir(bare);
    const loop = await measure(
      ["run", "--quiet", `--allow-read=${bare}`, `--allow-write=${bare}`, script, "bare"]
        .concat(String(total), bare),
    );
    print(
      `${total} records: download ${(total / tool.seconds).toFixed(0)}/s, ` +
        `${tool.megabytes.toFixed(0)} MB; bare loop ${(total / loop.seconds).toFixed(0)}/s; ` +
        `ratio ${(loop.seconds / tool.seconds).toFixed(2)}`,
    );
  } finally {
    server.kill();
    await Deno.remove(dir, { recursive: true });
  }
}

const [command, ...rest] = Deno.args;
if (command === "serve") serve(Number(rest[0]));
else if (command === "bare") await writeBare(Number(rest[0]), rest[1]!);
else {for (const total of Deno.args.length > 0 ? Deno.args : ["10000", "100000"]) {
    await compare(Number(total));
  }}
