/** Remembers how far a harvest has come, so that the same command goes on where it stopped. */
import { createHash } from "node:crypto";
import { z } from "zod";
import { fileReason, SetupError } from "../shared/errors.ts";
import { STATE_DIR } from "../shared/files.ts";
import { type OutputFolder } from "../shared/output_folder.ts";
import type { HarvestPosition } from "./harvest/step.ts";
import type { DownloadOptions } from "./options.ts";

const days = z.object({ from: z.string(), to: z.string() });
const pass = z.object({
  number: z.number(),
  came: z.number(),
  lost: z.number(),
  shifted: z.boolean(),
  ids: z.string(),
});
const entry = z.object({
  /** Where to go on. */
  position: z.union([
    z.object({
      mode: z.literal("pages"),
      page: z.number(),
      spans: z.array(days).optional(),
      of: z.number().optional(),
      again: z.number().optional(),
      pass: pass.optional(),
    }),
    z.object({
      mode: z.literal("scroll"),
      page: z.number(),
      next: z.string().optional(),
      taken: z.number().optional(),
    }),
  ]),
  /** Pages that are done. */
  pages: z.number(),
  /** Records on them that were stored or were there. */
  done: z.number(),
  /** Records on them that failed, by code. */
  errors: z.record(z.string(), z.number()),
  /** How many of those that failed never came. */
  lost: z.number(),
  /** Length of `failures.jsonl` that belongs to them, in bytes. */
  failuresLength: z.number(),
  /** Records of the whole query, as the service told. */
  total: z.number(),
});

/** How far a harvest has come: after a whole page, never within one. */
export type JournalEntry = Omit<z.infer<typeof entry>, "position"> & { position: HarvestPosition };

/** The journal of one query in one output folder. */
export class Journal {
  readonly #path: string;

  constructor(private readonly folder: OutputFolder, options: DownloadOptions) {
    this.#path = `${STATE_DIR}/download-${queryKey(options)}.json`;
  }

  /** The last entry; undefined if the query is new or was harvested to its end. */
  read(): JournalEntry | undefined {
    let text: string | undefined;
    try {
      text = this.folder.read(this.#path);
    } catch (error) {
      throw new SetupError(
        `Cannot read "${this.#path}" in "${this.folder.path}": ${fileReason(error)}; ` +
          "mend it and run the same command again",
        { cause: error },
      );
    }
    if (text === undefined) return undefined;
    try {
      return entry.parse(JSON.parse(text)) as JournalEntry;
    } catch {
      return undefined; // of another version: the harvest begins anew and skips what is stored
    }
  }

  /** Replaces the entry. */
  write(value: JournalEntry): void {
    this.folder.write(this.#path, JSON.stringify(value));
  }

  /** Forgets the query: its next harvest begins anew. */
  async end(): Promise<void> {
    await this.folder.remove(this.#path);
  }
}

/** Names a query: harvests differ if they ask for or store something else. */
function queryKey(options: DownloadOptions): string {
  const { url, filters, scroll, profile, page, size, groupBy, overwrite, max } = options;
  const groups = groupBy.map(({ key, pattern }) => [key, pattern?.source]);
  const query = [url.href, filters, scroll, profile, page, size, groups, overwrite, String(max)];
  return createHash("sha256").update(JSON.stringify(query)).digest("hex").slice(0, 16);
}
