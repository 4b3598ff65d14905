/** The figures of benches, as lines of text and as rows of results.csv. */
import { join } from "node:path";
import { SetupError } from "../lib/shared/errors.ts";
import { PROGRAM_DIR } from "../lib/shared/program.ts";
import { median } from "./measure.ts";

/** Something that was measured. */
export interface Figure {
  /** What was done, on how much, and which side of it this is. */
  readonly work: string;
  readonly figure: number;
  /** Such as `records/s`. */
  readonly unit: string;
  /** What the ratios are against. */
  readonly against?: string;
  /** To the baseline, a ratio a round. */
  readonly ratios?: readonly number[];
}

/** Where and when figures were measured. */
export interface Origin {
  /** YYYY-MM-DD. */
  readonly date: string;
  /** Short hash. */
  readonly commit: string;
  /** Name of the CPU and number of its cores. */
  readonly cpu: string;
}

const RESULTS = join(PROGRAM_DIR, "bench/results.csv");

/**
 * One line for a person.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const figure = { work: "ingest", figure: 1644.4, unit: "documents/s" };
 * assert.equal(figureText(figure), "ingest: 1644 documents/s");
 * assert.equal(
 *   figureText({ ...figure, against: "Python", ratios: [3.9, 4.2, 4] }),
 *   "ingest: 1644 documents/s; ratio 4.00 (3.90 to 4.20) against Python",
 * );
 * ```
 */
export function figureText({ work, figure, unit, against, ratios = [] }: Figure): string {
  const text = `${work}: ${rounded(figure)} ${unit}`;
  if (ratios.length === 0) return text;
  const [least, middle, most] = spread(ratios).map((ratio) => ratio.toFixed(2));
  const range = ratios.length > 1 ? ` (${least} to ${most})` : "";
  return `${text}; ratio ${middle}${range} against ${against}`;
}

/** Rows of results.csv: the figure with the median ratio, then the ends of the ratios if they have any. */
export function rowsOf({ date, commit, cpu }: Origin, measured: Figure): string {
  const { figure, unit, against, ratios = [] } = measured;
  const work = against === undefined ? measured.work : `${measured.work}, against ${against}`;
  const row = (...cells: (string | number)[]) => csvRow([date, commit, cpu, ...cells]);
  if (ratios.length === 0) return row(work, rounded(figure), unit, "");
  const [least, middle, most] = spread(ratios).map((ratio) => Number(ratio.toFixed(3)));
  const rows = [row(work, rounded(figure), unit, middle!)];
  if (ratios.length > 1) {
    rows.push(row(`${work}, least ratio`, least!, "times", ""));
    rows.push(row(`${work}, greatest ratio`, most!, "times", ""));
  }
  return rows.join("");
}

/** One row of RFC 4180, with quotes where a cell needs them. */
function csvRow(cells: readonly (string | number)[]): string {
  const quoted = cells.map(String).map((cell) =>
    /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell
  );
  return quoted.join(",") + "\n";
}

function spread(numbers: readonly number[]): [least: number, middle: number, most: number] {
  return [Math.min(...numbers), median(numbers), Math.max(...numbers)];
}

/** Four digits, more than any bench can be trusted with. */
function rounded(figure: number): number {
  return Number(figure.toPrecision(4));
}

/** Adds figures to results.csv. */
export async function record(origin: Origin, figure: Figure): Promise<void> {
  await Deno.writeTextFile(RESULTS, rowsOf(origin, figure), { append: true });
}

/**
 * Today, this commit and this machine.
 *
 * @throws {SetupError} if what is measured is not what was committed
 */
export async function originOfFigures(): Promise<Origin> {
  if (await git(PROGRAM_DIR, "status", "--porcelain", "--", ".", ":!bench/results.csv") !== "") {
    throw new SetupError("Cannot record figures: the checkout has changes that are not committed");
  }
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: await commitOf(PROGRAM_DIR),
    cpu: cpuName(await Deno.readTextFile("/proc/cpuinfo"), navigator.hardwareConcurrency),
  };
}

/** Short hash of the commit that is checked out in a folder. */
export function commitOf(dir: string): Promise<string> {
  return git(dir, "rev-parse", "--short", "HEAD");
}

async function git(cwd: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command("git", { args, cwd }).output();
  const [output, problem] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes).trim());
  if (code !== 0) throw new SetupError(`Cannot ask git about "${cwd}": ${problem}`);
  return output!;
}

/**
 * Name of a CPU from /proc/cpuinfo, with its clock where the name has it.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const text = "model name\t: Intel(R) Xeon(R) Processor @ 2.50GHz\nflags\t\t: fpu avx512f\n";
 * assert.equal(cpuName(text, 2), "Intel Xeon 2.5 GHz AVX-512 2 cores");
 * ```
 */
export function cpuName(cpuinfo: string, cores: number): string {
  const model = /^model name\s*: (.*)$/m.exec(cpuinfo)?.[1] ?? "unknown CPU";
  const name = model.replaceAll(/\((R|TM)\)|\bCPU\b|\bProcessor\b|@/g, " ")
    .replace(/([\d.]+)GHz/, (_, clock) => `${Number(clock)} GHz`)
    .replaceAll(/\s+/g, " ").trim();
  const vectors = /\bavx512f\b/.test(cpuinfo) ? " AVX-512" : "";
  return `${name}${vectors} ${cores} cores`;
}
