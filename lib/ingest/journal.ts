/** Where an interrupted ingest run stopped, so that the same command goes on there. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { z } from "zod";
import type { RecordFile } from "../catalog/record_files.ts";
import { STATE_DIR } from "../shared/files.ts";
import { type OutputFolder } from "../shared/output_folder.ts";

const state = z.object({
  /** Of what the run was about: another command begins anew. */
  key: z.string(),
  /** Records of the run's order that are done. */
  done: z.int().min(0),
  /** CRC-32 of their paths: other files in their place are noticed. */
  crc: z.int(),
  /** When the run began, in milliseconds since 1970: what was written later it may not have seen. */
  began: z.number(),
  /** Of the index that they are in. */
  generation: z.string(),
});
/** Where a run stopped. */
export type Stop = Omit<z.infer<typeof state>, "key">;

/** A place in the order of records. */
export interface Position {
  /** Records up to and with this one. */
  readonly done: number;
  /** CRC-32 of their paths. */
  readonly crc: number;
}

/** The journal of one command, kept in the output folder while the command has work left. */
export class IngestJournal {
  readonly #file: string;
  readonly #key: string;

  /**
   * @param about everything that another command could differ in
   * @param part of the work, where several runs share the folder
   */
  constructor(
    private readonly output: OutputFolder,
    about: unknown,
    part: string | undefined,
  ) {
    this.#file = join(STATE_DIR, part === undefined ? "ingest.json" : `ingest.${part}.json`);
    this.#key = createHash("sha256").update(JSON.stringify(about)).digest("hex");
  }

  /** Where the same command stopped; undefined if it has not begun, or ended. */
  read(): Stop | undefined {
    try {
      const read = state.parse(JSON.parse(this.output.read(this.#file) ?? ""));
      return read.key === this.#key ? read : undefined;
    } catch {
      return undefined; // there is none, or it cannot be read: all is done again
    }
  }

  write(stop: Stop): void {
    this.output.write(this.#file, JSON.stringify({ key: this.#key, ...stop }));
  }

  remove(): void {
    this.output.remove(this.#file);
  }
}

/** The position after one more record. */
export function advance({ done, crc }: Position, { path }: RecordFile): Position {
  return { done: done + 1, crc: crc32(path, crc) };
}

/** Before the first record. */
export const START: Position = { done: 0, crc: 0 };
