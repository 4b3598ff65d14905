/**
 * `deno task NAME …`: reads the arguments, then runs the tool in a child process that has exactly
 * the permissions they call for, and no password among its arguments. Signals and the exit code pass
 * through.
 */
import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import { type SignIn, signIn } from "../lib/index/sign_in.ts";
import { PROGRAM_DIR } from "../lib/shared/program.ts";
import { EXIT, explainParseError } from "../lib/shared/cli.ts";
import { printResult } from "../lib/shared/log.ts";
import { permissionFlags, type Permissions } from "../lib/shared/permissions.ts";

/** How a tool's arguments are read, and what they call for. */
interface Tool {
  readonly parse: (argv: readonly string[]) => object;
  readonly plan: (argv: readonly string[]) => { options: object; permissions: Permissions };
}

/** Loads the options of the tool that is asked for, and no others. */
const TOOLS: Record<string, () => Promise<Tool>> = {
  demo: () =>
    import("../demo/options.ts")
      .then((o) => tool(o.parseDemoOptions, o.demoPermissions)),
  download: () =>
    import("../lib/catalog/options.ts")
      .then((o) => tool(o.parseDownloadOptions, o.downloadPermissions)),
  vectorize: () =>
    import("../lib/vectorize/options.ts")
      .then((o) => tool(o.parseVectorizeOptions, o.vectorizePermissions)),
  ingest: () =>
    import("../lib/ingest/options.ts")
      .then((o) => tool(o.parseIngestOptions, o.ingestPermissions)),
  model: () =>
    import("../lib/inference/models/model_options.ts")
      .then((o) => tool(o.parseModelOptions, o.modelPermissions)),
  search: () =>
    import("../lib/search/options.ts")
      .then((o) => tool(o.parseSearchOptions, o.searchPermissions)),
  serve: () =>
    import("../lib/serve/options.ts")
      .then((o) => tool(o.parseServeOptions, o.servePermissions)),
};

function tool<O extends object>(
  parse: (argv: readonly string[]) => O,
  permissions: (options: O) => Permissions,
): Tool {
  const plan = (argv: readonly string[]) => {
    const options = parse(argv);
    return { options, permissions: permissions(options) };
  };
  return { parse, plan };
}

/**
 * glibc's malloc gives memory back sooner: a native engine needs twice as much while it loads a
 * model. Other runs would only ask for the same memory again and again.
 */
const NATIVE_MALLOC = { MALLOC_ARENA_MAX: "2", MALLOC_TRIM_THRESHOLD_: "131072" };

/** Collect garbage early: a run of days must not take more memory than one of minutes. */
const HEAP = "--v8-flags=--max-semi-space-size=4,--initial-old-space-size=16";

const [name = "", ...argv] = Deno.args;
Deno.exit(await launch(name, await TOOLS[name]!(), argv));

async function launch(
  name: string,
  { parse, plan }: Tool,
  argv: readonly string[],
): Promise<number> {
  enterFolderOfUser();
  try {
    const { options, permissions } = plan(argv);
    const flags = permissionFlags(permissions);
    if (argv.includes("--print-permissions")) {
      printResult(flags.join("\n"));
      return EXIT.done;
    }
    const signedIn = await signIn(argv, options, parse);
    if (signedIn === undefined) return EXIT.interrupted;
    const isNative = (permissions.ffi ?? []).length > 0;
    const env = { ...(isNative ? NATIVE_MALLOC : {}), ...signedIn.env };
    return await run(name, flags, { ...signedIn, env });
  } catch (error) {
    return explainParseError(name, error);
  }
}

/** Runs the tool in a child process, to its end. */
async function run(name: string, flags: readonly string[], { argv, env }: SignIn): Promise<number> {
  const config = `--config=${join(PROGRAM_DIR, "deno.json")}`;
  const tool = join(PROGRAM_DIR, "tasks", `${name}.ts`);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-remote", HEAP, config, ...flags, tool, ...argv],
    env,
  }).spawn();
  const pass = (signal: Deno.Signal) => {
    try {
      child.kill(signal);
    } catch {
      // It has ended by itself.
    }
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    if (Deno.build.os === "windows" && signal !== "SIGINT") continue;
    Deno.addSignalListener(signal, () => pass(signal));
  }
  const parent = Deno.ppid;
  const orphanWatch = setInterval(() => Deno.ppid === parent || pass("SIGKILL"), 250);
  const { code } = await child.status;
  clearInterval(orphanWatch);
  return code;
}

/** `deno task` starts in the program's folder; a user in a folder below it means paths from there. */
function enterFolderOfUser(): void {
  const folder = Deno.env.get("INIT_CWD");
  if (folder === undefined || relative(PROGRAM_DIR, folder).startsWith("..")) return;
  if (existsSync(folder)) Deno.chdir(folder);
}
