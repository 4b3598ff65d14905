/** FLOW of `deno task model`: lists, checks, fetches and converts models. */
import { basename, dirname } from "node:path";
import { fileReason, SetupError } from "../../shared/errors.ts";
import { namesIn } from "../../shared/files.ts";
import type { Report, Stage } from "../../shared/run.ts";
import { tableText } from "../../shared/table.ts";
import { fetchModel } from "./fetch_model.ts";
import { storeKerasModel } from "./import_model.ts";
import { storeOnnxModel } from "./import_onnx.ts";
import type { ModelManifest } from "./manifest.ts";
import { fingerprint, openModel } from "./model.ts";
import { requireSize } from "./onnx_file.ts";
import { isOnnx, type ModelAction, type ModelOptions } from "./model_options.ts";
import { checkNewModel, openTarget } from "./target.ts";
import { DEMO, findModel } from "../native.ts";

type FetchOptions = ModelAction & { action: "fetch" };
type ImportOptions = ModelAction & { action: "import" | "convert" };

/** Does the one thing that the options name. */
export async function manageModels(options: ModelOptions, run: Stage): Promise<Report> {
  switch (options.action) {
    case "list":
      return await list(options.modelFolders);
    case "check":
      return await check(options.name, options.modelFolders);
    case "fetch":
      return await fetch(options, run);
    default:
      return await importModel(options, run);
  }
}

/** The models that there are, with what they make. */
async function list(folders: readonly string[]): Promise<Report> {
  const names = folders.flatMap(namesIn).filter((name) => name.endsWith(".onnx"))
    .map((name) => name.replace(/\.onnx$/, ""));
  const models = [];
  for (const name of [...new Set([DEMO, ...names])].sort()) {
    models.push(await describe(name, folders));
  }
  const columns = ["name", "vector", "picture", "state", "licence", "source", "folder"];
  const text = tableText(
    columns.map((head) => head === "state" ? { head, width: 62 } : { head }),
    models.map((
      { name, vector, picture, state, licence, source, folder },
    ) => [name, vector ?? "", picture ?? "", state, licence ?? "", source ?? "", folder ?? ""]),
  );
  return { json: { models }, text, summary: `${models.length} in ${folders.join(", ")}` };
}

async function describe(name: string, folders: readonly string[]) {
  const found = findModel(name, folders);
  if (found === undefined) {
    return { name, state: name === DEMO ? "bundled, built when first used" : "a link to no file" };
  }
  const folder = dirname(found.onnx);
  try {
    const { input, output, licence, source, sha256 } = await openModel(name, folders);
    const { size: picture } = input;
    return { name, vector: output.size, picture, state: "ready", licence, source, folder, sha256 };
  } catch (error) {
    return { name, state: fileReason((error as Error).cause), folder };
  }
}

async function check(name: string, folders: readonly string[]): Promise<Report> {
  if (name === DEMO && findModel(DEMO, folders) === undefined) {
    return { json: { model: name }, summary: `"${name}" is bundled, and built when first used` };
  }
  const model = await openModel(name, folders);
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
  const { file, name, licence } = options;
  const origin = { name, source: basename(file), licence };
  try {
    requireSize((await Deno.stat(file)).size);
    const output = await openTarget(options, run);
    const check = (made: ModelManifest) => checkNewModel(made, output.path, options);
    run.signal.throwIfAborted();
    return stored(
      isOnnx(file)
        ? await storeOnnxModel(file, options, origin, output, check)
        : await storeKerasModel(await Deno.readFile(file), origin, output, check),
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
