/** Runs commands and says what they took; sets the runs of several sides beside each other. */
import { PROGRAM_DIR } from "../lib/shared/program.ts";

/** What one run took, with all the processes that it started. */
export interface Cost {
  /** Time on the clock. */
  readonly seconds: number;
  /** CPU time in seconds. */
  readonly cpu: number;
  /** Peak of memory in MB; 0 where it was not watched. */
  readonly megabytes: number;
  readonly stdout: string;
}

/** How a command is run. */
export interface MeasureOptions {
  /** Folder in which it runs; without it this checkout. */
  readonly cwd?: string;
  /** Whose memory counts: the largest process, or all together, with shared pages counted once. */
  readonly memory?: keyof typeof MEMORY;
  /** The clock stops when stderr matches this, and the command is asked to end. */
  readonly until?: RegExp;
  /** Exit code that it should end with; without it 0. */
  readonly code?: number;
}

interface Memory {
  /** In the folder of a process in /proc. */
  readonly file: string;
  readonly kilobytes: RegExp;
  /** Puts the memory of two processes together. */
  readonly join: (one: number, other: number) => number;
}

const MEMORY = {
  largest: {
    file: "status",
    kilobytes: /^VmHWM:\s+(\d+)/m,
    join: (one, other) => Math.max(one, other),
  },
  together: {
    file: "smaps_rollup",
    kilobytes: /^Pss:\s+(\d+)/m,
    join: (one, other) => one + other,
  },
} satisfies Record<string, Memory>;

/** Memory is looked at this often. */
const WATCH_MS = 50;

/** The shell tells the CPU time at the end, in a last line of stderr. */
const TIMED = 'TIMEFORMAT="%3U %3S"; time "$@"';

/** Runs a command to its end, and fails where it does not end as it should. */
export async function measure(
  command: string,
  args: readonly string[],
  { cwd = PROGRAM_DIR, memory, until, code: expected = 0 }: MeasureOptions = {},
): Promise<Cost> {
  const start = performance.now();
  const child = new Deno.Command("bash", {
    args: ["-c", TIMED, "bash", command, ...args],
    cwd,
    env: { NO_COLOR: "1", INIT_CWD: cwd },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let peak = 0;
  const watch = memory && setInterval(() => {
    peak = Math.max(peak, memoryOfTree(child.pid, MEMORY[memory]));
  }, WATCH_MS);
  const stdout = new Response(child.stdout).text();
  let stderr = "";
  let end: number | undefined;
  for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
    stderr += text;
    if (end !== undefined || !until?.test(stderr)) continue;
    end = performance.now();
    for (const pid of childrenOf(child.pid)) Deno.kill(pid, "SIGINT");
  }
  const { code } = await child.status;
  clearInterval(watch);
  const isDone = until === undefined ? code === expected : end !== undefined;
  if (!isDone) throw new Error(`${args.join(" ")} ended with ${code}: ${stderr}`);
  const [, user, system] = /([\d.,]+) ([\d.,]+)\s*$/.exec(stderr)!.map((s) => s.replace(",", "."));
  return {
    seconds: ((end ?? performance.now()) - start) / 1000,
    cpu: Number(user) + Number(system),
    megabytes: peak / 1e6,
    stdout: await stdout,
  };
}

/** Runs `deno task <args>`. */
export function measureTask(args: readonly string[], options?: MeasureOptions): Promise<Cost> {
  return measure(Deno.execPath(), ["task", "--quiet", ...args], options);
}

/** Bytes of memory of the process and those below it. */
function memoryOfTree(pid: number, kind: Memory): number {
  const { file, kilobytes, join } = kind;
  try {
    const own = 1024 * Number(kilobytes.exec(Deno.readTextFileSync(`/proc/${pid}/${file}`))![1]);
    return childrenOf(pid).map((child) => memoryOfTree(child, kind)).reduce(join, own);
  } catch {
    return 0; // it has ended
  }
}

function childrenOf(pid: number): number[] {
  const text = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`).trim();
  return text === "" ? [] : text.split(" ").map(Number);
}

/**
 * Runs each side once a round; every second round in reverse order, so that a machine that gets
 * slower or faster meanwhile favours none.
 */
export async function inTurns<T extends Record<string, unknown>>(
  rounds: number,
  sides: { readonly [S in keyof T]: () => Promise<T[S]> },
): Promise<{ [S in keyof T]: T[S][] }> {
  const names: (keyof T)[] = Object.keys(sides);
  const results = {} as { [S in keyof T]: T[S][] };
  for (const name of names) results[name] = [];
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      results[name].push(await sides[name]());
    }
  }
  return results;
}

/** One list by the other, round by round. */
export function ratiosOf(numbers: readonly number[], others: readonly number[]): number[] {
  return numbers.map((number, round) => number / others[round]!);
}

/** The number in the middle, or the mean of the two. */
export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** The number below which a part of them lies, 0 to 1. */
export function quantile(numbers: readonly number[], part: number): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(part * (numbers.length - 1))]!;
}
