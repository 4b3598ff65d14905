/** `deno task bench NAME …`: runs one bench; without a name it lists them. */
import "../tasks/requirements.ts"; // first: the others need what it checks
import { EXIT } from "../lib/shared/cli.ts";
import { logLine, printResult } from "../lib/shared/log.ts";
import { type Bench, runBench } from "./bench.ts";

const BENCHES: Record<string, () => Promise<Bench>> = {
  download: () => import("./download_bench.ts"),
  vectorize: () => import("./vectorize_bench.ts"),
  ingest: () => import("./ingest_bench.ts"),
  embedded: () => import("./embedded_bench.ts"),
  serve: () => import("./serve_bench.ts"),
  launch: () => import("./launch_bench.ts"),
  pairs: () => import("./pairs_bench.ts"),
  pipeline: () => import("./pipeline_bench.ts"),
};

// Relative paths are meant from the folder of the user, not from that of deno.json.
Deno.chdir(Deno.env.get("INIT_CWD") ?? ".");
const [name, ...argv] = Deno.args;
if (name === undefined || name === "--help" || name === "-h") {
  printResult(await list());
} else if (!Object.hasOwn(BENCHES, name)) {
  logLine(`bench: There is no bench "${name}"; see "deno task bench --help"`);
  Deno.exit(EXIT.usage);
} else {
  Deno.exit(await runBench(name, await BENCHES[name]!(), argv));
}

/** Names of the benches, a line each. */
async function list(): Promise<string> {
  const lines = Object.entries(BENCHES).map(async ([name, load]) => {
    const { command } = await load();
    return `  ${name.padEnd(11)}${command.summary()}`;
  });
  return `Usage: deno task bench <name> [options]

Measure how fast the tools are; "deno task bench <name> --help" says how.

Benches:
${(await Promise.all(lines)).join("\n")}`;
}
