import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { BROWSER } from "../helpers/browser.ts";
import { ROOT } from "../helpers/run_task.ts";
import { skipIf } from "../helpers/skip.ts";

/** What became of one check, as tests/serve/page/run.ts prints it. */
interface Outcome {
  readonly name: string;
  readonly error?: string;
}

// A browser needs more permissions than the tests have, so the checks are a process of their own.
Deno.test({
  ...skipIf(
    existsSync(BROWSER) ? undefined : "there is no browser",
    `the web page in a real browser (${BROWSER})`,
  ),
  async fn(t) {
    await using checks = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--allow-all", join(ROOT, "tests/serve/page/run.ts")],
      cwd: ROOT,
      stdin: "null",
      stdout: "piped",
    }).spawn();
    let rest = "";
    let count = 0;
    for await (const text of checks.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        const { name, error }: Outcome = JSON.parse(line);
        count++;
        await t.step(name, () => {
          if (error !== undefined) throw new Error(error);
        });
      }
    }
    assert.equal((await checks.status).code, 0);
    assert.ok(count > 10, `${count} checks were made`);
  },
});
