/** The weekly job of those who run the three tools from cron. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { demoApi, RECORDS } from "../helpers/demo_api.ts";
import { importEncoder } from "../helpers/encoder.ts";
import { ROOT } from "../helpers/run_task.ts";
import { tempDir } from "../helpers/temp_dir.ts";

const SCRIPT = `
set -e
deno="$1" data="$2" url="$3"
"$deno" task -q download -o "$data/r" --delay 0 --base-url "$url"
"$deno" task -q vectorize "$data/r" "*" "$data/v" npy "" false true 1 8 \\
  --model "$data/encoder.onnx" --delay 0 --base-url "$url"
"$deno" task -q ingest --records-dir "$data/r" --vectors-dir "$data/v" --index-dir "$data/i"
`;

Deno.test("a cron script with set -e fails for two damaged pictures once, and passes from then on", async () => {
  await using dir = await tempDir();
  const damaged: string[] = [];
  const urns = RECORDS.slice(0, 2).map((record: typeof RECORDS[0]) =>
    record.metadata.identifiers.urn
  );
  await using api = demoApi({
    records: RECORDS.slice(0, 12).map((record: object) => ({ ...record })),
    intercept: (_, { pathname }) => {
      if (!urns.some((urn: string) => decodeURIComponent(pathname).includes(urn))) return undefined;
      damaged.push(pathname);
      return new Response(new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 0, 16]));
    },
  });
  await importEncoder(dir.path);
  const script = join(dir.path, "weekly.sh");
  await Deno.writeTextFile(script, SCRIPT);
  const week = async () => {
    const { code, stderr } = await new Deno.Command("bash", {
      args: [script, Deno.execPath(), dir.path, api.url],
      cwd: ROOT,
      env: { NO_COLOR: "1" },
    }).output();
    return { code, stderr: new TextDecoder().decode(stderr) };
  };
  const first = await week();
  assert.equal(first.code, 1, first.stderr);
  assert.match(first.stderr, /vectorize: 10 stored, 0 skipped, 2 failed of 12/);
  const asked = [damaged.length];
  for (const _ of ["second", "third", "fourth"]) {
    const { code, stderr } = await week();
    assert.equal(code, 0, stderr);
    assert.match(
      stderr,
      /vectorize: 0 stored, 12 skipped, of which 2 failed before, 0 failed of 12/,
    );
    assert.match(stderr, /ingest: \d+ stored, \d+ skipped, 0 failed of 12/);
    asked.push(damaged.length);
  }
  const [once = 0] = asked;
  assert.deepEqual(asked, [1, 2, 2, 2].map((times) => times * once), "twice the same is known");
});
