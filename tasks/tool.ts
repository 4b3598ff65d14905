/** Runs one tool with the permissions that tasks/launch.ts has started this process with. */
import { TOOLS } from "./tools.ts";

const [name = "", ...argv] = Deno.args;
Deno.exit(await TOOLS.get(name)!.run(argv, Deno.exit));
