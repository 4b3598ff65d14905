/** The tools: how each reads its arguments, what it may touch, and what it does. */
import type { CommonOptions } from "../lib/shared/args.ts";
import { type Flow, runTool } from "../lib/shared/cli.ts";
import type { Permissions } from "../lib/shared/permissions.ts";

/** A tool, of which nothing is loaded before it is asked for. */
export interface Tool {
  /**
   * Reads its arguments.
   *
   * @throws {UsageError|HelpRequest}
   */
  readonly plan: (argv: readonly string[]) => Promise<Plan>;
  /**
   * Does what the arguments say.
   *
   * @param end ends the process at once
   * @returns the exit code
   */
  readonly run: (argv: readonly string[], end: (code: number) => never) => Promise<number>;
}

/** What a tool's arguments say, and what they call for. */
export interface Plan {
  readonly options: CommonOptions;
  readonly permissions: Permissions;
  /** Reads other arguments of the same tool. */
  readonly parse: (argv: readonly string[]) => CommonOptions;
}

/** How a tool's arguments become options, and what these call for. */
interface Options<O> {
  readonly parse: (argv: readonly string[]) => O;
  readonly permissions: (options: O) => Permissions;
}

function tool<O extends CommonOptions>(
  name: string,
  options: () => Promise<Options<O>>,
  flow: () => Promise<Flow<O>>,
): [string, Tool] {
  return [name, {
    plan: async (argv) => {
      const { parse, permissions } = await options();
      const given = parse(argv);
      return { options: given, permissions: permissions(given), parse };
    },
    run: async (argv, end) => {
      const [{ parse }, work] = await Promise.all([options(), flow()]);
      return await runTool(name, parse, work, argv, end);
    },
  }];
}

/** The tools by name. */
export const TOOLS: ReadonlyMap<string, Tool> = new Map([
  tool(
    "demo",
    () =>
      import("../demo/options.ts")
        .then((o) => ({ parse: o.parseDemoOptions, permissions: o.demoPermissions })),
    () => import("../demo/demo.ts").then(({ demo }) => demo),
  ),
  tool(
    "download",
    () =>
      import("../lib/catalog/options.ts")
        .then((o) => ({ parse: o.parseDownloadOptions, permissions: o.downloadPermissions })),
    () => import("../lib/catalog/download.ts").then(({ download }) => download),
  ),
  tool(
    "vectorize",
    () =>
      import("../lib/vectorize/options.ts")
        .then((o) => ({ parse: o.parseVectorizeOptions, permissions: o.vectorizePermissions })),
    () => import("../lib/vectorize/vectorize.ts").then(({ vectorize }) => vectorize),
  ),
  tool(
    "ingest",
    () =>
      import("../lib/ingest/options.ts")
        .then((o) => ({ parse: o.parseIngestOptions, permissions: o.ingestPermissions })),
    () => import("../lib/ingest/ingest.ts").then(({ ingest }) => ingest),
  ),
  tool(
    "pipeline",
    () =>
      import("../lib/pipeline/options.ts")
        .then((o) => ({ parse: o.parsePipelineOptions, permissions: o.pipelinePermissions })),
    () => import("../lib/pipeline/pipeline.ts").then(({ pipeline }) => pipeline),
  ),
  tool(
    "model",
    () =>
      import("../lib/inference/models/model_options.ts")
        .then((o) => ({ parse: o.parseModelOptions, permissions: o.modelPermissions })),
    () => import("../lib/inference/models/manage_models.ts").then((m) => m.manageModels),
  ),
  tool(
    "search",
    () =>
      import("../lib/search/options.ts")
        .then((o) => ({ parse: o.parseSearchOptions, permissions: o.searchPermissions })),
    () => import("../lib/search/search.ts").then(({ search }) => search),
  ),
  tool(
    "serve",
    () =>
      import("../lib/serve/options.ts")
        .then((o) => ({ parse: o.parseServeOptions, permissions: o.servePermissions })),
    () => import("../lib/serve/serve.ts").then(({ serve }) => serve),
  ),
]);
