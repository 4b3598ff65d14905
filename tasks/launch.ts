/**
 * `deno task NAME …`: reads the arguments, then runs the tool in a child process that has exactly
 * the permissions they call for, and no password among its arguments. Signals and the exit code pass
 * through.
 */
import "./requirements.ts"; // first: the others need what it checks
import { join } from "node:path";
import { signIn } from "../lib/index/sign_in.ts";
import { modelsEnvironment } from "../lib/inference/native.ts";
import { EXIT, explainParseError, printAlone, STOP_SIGNALS } from "../lib/shared/cli.ts";
import { fileReason } from "../lib/shared/errors.ts";
import { logLine } from "../lib/shared/log.ts";
import { permissionFlags } from "../lib/shared/permissions.ts";
import { PROGRAM_DIR } from "../lib/shared/program.ts";
import { TOOLS } from "./tools.ts";

/** Deno asks for no newer one of itself. */
const QUIET_ENV = { DENO_NO_UPDATE_CHECK: "1" };

/**
 * Where native code runs. glibc's malloc gives memory back sooner: an engine needs twice as much while
 * it loads a model; other runs would only ask for the same memory again and again. ONNX Runtime sends
 * nothing of its own.
 */
const NATIVE_ENV = {
  MALLOC_ARENA_MAX: "2",
  MALLOC_TRIM_THRESHOLD_: "131072",
  ORT_DISABLE_TELEMETRY: "1",
};

/**
 * Collect garbage early: a run of days must not take more memory than one of minutes. The launcher
 * itself is started so, too: V8 compiles modules again where its flags are others.
 */
const HEAP = "--v8-flags=--max-semi-space-size=4,--initial-old-space-size=16";

const [name = "", ...argv] = Deno.args;
Deno.exit(await launch(name, argv));

async function launch(name: string, argv: readonly string[]): Promise<number> {
  const tool = TOOLS.get(name);
  if (tool === undefined) {
    logLine(`There is no tool "${name}"; there are ${[...TOOLS.keys()].join(", ")}`);
    return EXIT.usage;
  }
  enterFolderOfUser(name);
  try {
    const { options, permissions, parse } = await tool.plan(argv);
    const flags = permissionFlags(permissions);
    if (argv.includes("--print-permissions")) return printAlone(name, flags.join("\n"));
    const signedIn = await signIn(argv, options, parse);
    if (signedIn === undefined) return EXIT.interrupted;
    if (signedIn.isExposed) {
      logLine(
        `${name}: a secret on the command line can be read by others, and "deno task" writes it to ` +
          "logs; set ES_PASSWORD or ES_API_KEY in its place",
      );
    }
    const isNative = (permissions.ffi ?? []).length > 0;
    const env = {
      ...QUIET_ENV,
      ...modelsEnvironment(),
      ...(isNative ? NATIVE_ENV : {}),
      ...signedIn.env,
    };
    return await run([...flags, join(PROGRAM_DIR, "tasks/tool.ts"), name, ...signedIn.argv], env);
  } catch (error) {
    return explainParseError(name, error);
  }
}

/**
 * Runs the tool in a child process, to its end. `deno task` has seen to the packages already: to look
 * once more for each of all tools would take a tenth of a second.
 */
async function run(args: readonly string[], env: Record<string, string>): Promise<number> {
  const config = `--config=${join(PROGRAM_DIR, "deno.json")}`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-remote", "--node-modules-dir=manual", HEAP, config, ...args],
    env,
  }).spawn();
  const pass = (signal: Deno.Signal) => {
    try {
      child.kill(signal);
    } catch {
      // It has ended by itself.
    }
  };
  for (const signal of STOP_SIGNALS) Deno.addSignalListener(signal, () => pass(signal));
  const parent = Deno.ppid;
  const orphanWatch = setInterval(() => Deno.ppid === parent || pass("SIGKILL"), 250);
  const { code } = await child.status;
  clearInterval(orphanWatch);
  return code;
}

/** `deno task` starts in the program's folder; users mean paths from the folder that they are in. */
function enterFolderOfUser(name: string): void {
  const folder = Deno.env.get("INIT_CWD");
  if (folder === undefined) return;
  try {
    Deno.chdir(folder);
  } catch (error) {
    logLine(
      `${name}: Cannot enter "${folder}" (INIT_CWD): ${fileReason(error)}; ` +
        `relative paths are meant from "${Deno.cwd()}"`,
    );
  }
}
