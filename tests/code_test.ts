import assert from "node:assert/strict";
import { ROOT } from "./helpers/run_task.ts";

/** Also the first steps of `deno task ok`, which leaves this file out. */
const CHECKS: Record<string, string[]> = {
  "the code is formatted": ["fmt", "--check"],
  "the code has no lint": ["lint"],
  "the code and its examples type-check": ["check", "--doc"],
};

for (const [name, args] of Object.entries(CHECKS)) {
  Deno.test(name, async () => {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["--quiet", ...args],
      cwd: ROOT,
      env: { NO_COLOR: "1" },
    }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
  });
}
