/** What a pipeline knows of its windows from run to run: `<data>/.maken/windows.json`. */
import { join } from "node:path";
import { z } from "zod";
import { SetupError } from "../shared/errors.ts";
import { exists, STATE_DIR } from "../shared/files.ts";
import type { OutputFolder } from "../shared/output_folder.ts";
import { hashOf } from "../shared/proof.ts";
import type { PipelineOptions } from "./options.ts";
import {
  ALL,
  dayAfter,
  FIRST_DAY,
  overlap,
  today,
  type Window,
  windowNamed,
  windowOf,
  windowsOf,
} from "./windows.ts";

const FILE = `${STATE_DIR}/windows.json`;

const entry = z.object({
  /** Of the folder. */
  name: z.string(),
  /** Names what was asked for, and the index that it is for. */
  query: z.string(),
  /** When all of its records had ended; null while some have not. */
  finished: z.string().nullable(),
  /** The index that has records of it, see `VectorIndex.generation`; none of a window without documents. */
  index: z.string().optional(),
});
const entries = z.array(entry);
type Entry = z.infer<typeof entry>;

/** Where the log is; nothing is written by one who only looks. */
export type LogFolder = Pick<OutputFolder, "path" | "read" | "write">;

/** A data folder of which only the log is looked at. */
export class ReadFolder implements LogFolder {
  constructor(readonly path: string) {}

  read(relativePath: string): string | undefined {
    const path = join(this.path, relativePath);
    return exists(path) ? Deno.readTextFileSync(path) : undefined;
  }

  write(): void {}
}

/** The windows that were begun in a data folder. */
export class WindowLog {
  /** Names what was asked for, and the index that it is for. */
  readonly query: string;
  #entries: Entry[];

  /** @throws {SetupError} if what is there cannot be read */
  constructor(private readonly output: LogFolder, private readonly options: PipelineOptions) {
    const { download: { url, filters, profile }, ingest: { index }, place, groups } = options;
    const where = place.kind === "server" ? place.urls.map(String).sort() : place.dir;
    const query = JSON.stringify([url.href, filters, profile, where, index, groups?.toSorted()]);
    this.query = hashOf(query);
    this.#entries = this.#read();
  }

  /**
   * The windows that a run is to harvest, the earliest first: those that are not finished, and the last
   * one that is; if all are wanted again, the others, too.
   *
   * @throws {SetupError} if they would share days with others
   */
  due(): Window[] {
    const { period, from, to, isAgain } = this.options;
    if (period === undefined) return [ALL];
    const finished = this.#own.filter(({ finished }) => finished !== null).map(({ name }) => name);
    const last = finished.toSorted().at(-1);
    const begun = this.#own.flatMap(({ name }) => windowNamed(name)?.days ?? []);
    // Those before it that are not finished are asked for as well.
    const latest = begun.map(({ to }) => to).toSorted().at(-1);
    const begin = from ?? (latest === undefined ? FIRST_DAY : dayAfter(latest));
    const end = to ?? today();
    const wanted = windowsOf({ from: begin, to: end }, period);
    const earlier = begun.filter(({ from: day }) => from === undefined && day <= end)
      .map((days) => windowOf(days));
    const all = new Map([...earlier, ...wanted].map((window) => [window.name, window]));
    const due = [...all.values()].filter(({ name }) =>
      isAgain || name === last || !finished.includes(name)
    ).sort((a, b) => a.name < b.name ? -1 : 1);
    for (const window of due) this.#requireApart(window);
    return due;
  }

  /** Notes that a window is worked on, again if it was finished. */
  begin({ name }: Window): void {
    const before = this.#own.find((entry) => entry.name === name);
    this.#note(name, null, this.options.isAgain ? undefined : before?.index);
  }

  /** Notes which index has records of a window. */
  hold({ name }: Window, generation: string): void {
    if (this.#own.some((entry) => entry.name === name && entry.index === generation)) return;
    this.#note(name, null, generation);
  }

  /** Notes that all records of a window have ended, and which index has them. */
  finish({ name }: Window, generation: string | undefined): void {
    this.#note(name, new Date().toISOString(), generation);
  }

  /**
   * Sees to it that what earlier runs put into the index is there still.
   *
   * @throws {SetupError} if it was begun anew since then
   */
  requireHeld(generation: string | undefined): void {
    const { isAgain, ingest } = this.options;
    const isLost = ({ index }: Entry) => index !== undefined && index !== generation;
    if (isAgain || !this.#own.some(isLost)) return;
    throw new SetupError(
      `Cannot go on with index "${ingest.index}": it was deleted or begun anew since earlier windows ` +
        "went into it; --no-resume puts the records of all windows into it",
    );
  }

  get #own(): Entry[] {
    return this.#entries.filter(({ query }) => query === this.query);
  }

  #requireApart(window: Window): void {
    for (const { name } of this.#entries) {
      const other = windowNamed(name);
      if (other === undefined || !overlap(window, other)) continue;
      throw new SetupError(
        `Cannot harvest window ${window.name} into "${this.output.path}": an earlier run has made ` +
          `window ${name}, which shares days with it; use the same --every, or another --data`,
      );
    }
  }

  #note(name: string, finished: string | null, index?: string): void {
    const { query } = this;
    const others = this.#entries.filter((entry) => entry.name !== name || entry.query !== query);
    this.#entries = [...others, { name, query, finished, ...index === undefined ? {} : { index } }];
    this.output.write(FILE, JSON.stringify(this.#entries, null, 1));
  }

  #read(): Entry[] {
    const text = this.output.read(FILE);
    if (text === undefined) return [];
    try {
      return entries.parse(JSON.parse(text));
    } catch {
      throw new SetupError(
        `Cannot read "${FILE}" in "${this.output.path}": it is not a list of windows; without it, ` +
          "every window is asked for again",
      );
    }
  }
}
