/** FLOW of `deno task model`: lists, checks, fetches and converts models. */
import { readdirSync } from "node:fs";
import { basename } from "node:path";
import { errorMessage, fileReason, SetupError } from "../../shared/errors.ts";
import type { Report, Stage } from "../../shared/run.ts";
import { tableText } from "../../shared/table.ts";
import { fetchModel } from "./fetch_model.ts";
import { storeKerasModel } from "./import_model.ts";
import { storeOnnxModel } from "./import_onnx.ts";
import type { ModelManifest } from "./manifest.ts";
import { fingerprint, openModel } from "./model.ts";
import { requireSize } from "./onnx_file.ts";
import { isOnnx, type ModelAction, type ModelOptions } from "./model_options.ts";
import { DEMO, isCurrent, MODELS_DIR } from "../native.ts";

type FetchOptions = ModelAction & { action: "fetch" };
type ImportOptions = ModelAction & { action: "import" | "convert" };

/** Does the one thing that the options name. */
export async function manageModels(options: ModelOptions, run: Stage): Promise<Report> {
  switch (options.action) {
    case "list":
      return await list();
    case "check":
      return await check(options.name);
    case "fetch":
      return await fetch(options, run);
    default:
      return await importModel(options, run);
  }
}

/** The models that there are, with what they make. */
async function list(): Promise<Report> {
  const names = readdirSync(MODELS_DIR).filter((name) => name.endsWith(".onnx"))
    .map((name) => name.replace(/\.onnx$/, ""));
  const models = [];
  for (const name of [...new Set([DEMO, ...names])].sort()) models.push(await describe(name));
  const columns = ["name", "vector", "picture", "state", "licence", "source"];
  const text = tableText(
    columns.map((head) => ({ head })),
    models.map((
      { name, vector, picture, state, licence, source },
    ) => [name, vector ?? "", picture ?? "", state, licence ?? "", source ?? ""]),
  );
  return { json: { models }, text, summary: `${models.length} in ${MODELS_DIR}` };
}

async function describe(name: string) {
  if (name === DEMO && !isCurrent(DEMO)) return { name, state: "bundled, built when first used" };
  try {
    const { input, output, licence, source, sha256 } = await openModel(name);
    const { size: picture } = input;
    return { name, vector: output.size, picture, state: "ready", licence, source, sha256 };
  } catch (error) {
    return { name, state: errorMessage((error as Error).cause ?? error) };
  }
}

async function check(name: string): Promise<Report> {
  if (name === DEMO && !isCurrent(DEMO)) {
    return { json: { model: name }, summary: `"${name}" is bundled, and built when first used` };
  }
  const model = await openModel(name);
  const { sha256 } = await fingerprint(await Deno.readFile(model.path));
  if (sha256 !== model.sha256) {
    throw new SetupError(
      `Model "${name}" is damaged: the sha256 of ${model.path} is ${sha256}, not ${model.sha256}`,
    );
  }
  return { json: { model: name, sha256 }, summary: `"${name}" is whole (sha256 ${sha256})` };
}

async function fetch(options: FetchOptions, run: Stage): Promise<Report> {
  const { name } = options;
  const made = await fetchModel(options, run);
  if (made !== undefined) return stored(made, run);
  run.stats.total = run.stats.skipped = 1;
  return { json: { model: name }, summary: `"${name}" is there already, from the same file` };
}

async function importModel(options: ImportOptions, run: Stage): Promise<Report> {
  const { file, name, licence, dir } = options;
  const origin = { name, source: basename(file), licence };
  try {
    requireSize((await Deno.stat(file)).size);
    const output = await run.openOutput(dir);
    run.signal.throwIfAborted();
    return stored(
      isOnnx(file)
        ? await storeOnnxModel(file, options, origin, output)
        : await storeKerasModel(await Deno.readFile(file), origin, output),
      run,
    );
  } catch (error) {
    throw new SetupError(`Cannot ${options.action} "${file}": ${fileReason(error)}`, {
      cause: error,
    });
  }
}

function stored({ name, input, output, sha256 }: ModelManifest, run: Stage): Report {
  if (input.batch !== undefined) {
    run.warn(
      `"${name}" takes ${input.batch} pictures at a time, so each takes the time of ${input.batch}; ` +
        "export it with an open batch axis if you can",
    );
  }
  run.stats.total = run.stats.stored = 1;
  return {
    json: { model: name, vector: output.size, sha256 },
    summary: `"${name}" is ready, with vectors of ${output.size} numbers (sha256 ${sha256})`,
  };
}
