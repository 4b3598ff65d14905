/** Remembers how far a harvest has come, so that the same command goes on where it stopped. */
import { createHash } from "node:crypto";
import { fileReason, SetupError } from "../shared/errors.ts";
import { STATE_DIR } from "../shared/files.ts";
import { type OutputFolder } from "../shared/output_folder.ts";
import type { JournalEntry } from "./journal_entry.ts";
import type { DownloadOptions } from "./options.ts";

/** The journal of one query in one output folder. */
export class Journal {
  readonly #path: string;
  /** Names the query. */
  readonly query: string;

  constructor(private readonly folder: OutputFolder, options: DownloadOptions) {
    this.query = queryKey(options);
    this.#path = `${STATE_DIR}/download-${this.query}.json`;
  }

  /**
   * The last entry; undefined if the query is new or was harvested to its end.
   *
   * @throws {SetupError} if there is one that cannot be read
   */
  async read(): Promise<JournalEntry | undefined> {
    const text = this.#text();
    if (text === undefined) return undefined;
    const { journalEntry } = await import("./journal_entry.ts");
    try {
      return journalEntry.parse(JSON.parse(text));
    } catch {
      return undefined; // of another version: the harvest begins anew and skips what is stored
    }
  }

  #text(): string | undefined {
    try {
      return this.folder.read(this.#path);
    } catch (error) {
      throw new SetupError(
        `Cannot read "${this.#path}" in "${this.folder.path}": ${fileReason(error)}; ` +
          "mend it and run the same command again",
        { cause: error },
      );
    }
  }

  /** Replaces the entry. */
  write(value: JournalEntry): void {
    this.folder.write(this.#path, JSON.stringify(value));
  }

  /** Forgets the query: its next harvest begins anew. */
  end(): void {
    this.folder.remove(this.#path);
  }
}

/** Names a query: harvests differ if they ask for or store something else. */
function queryKey(options: DownloadOptions): string {
  const { url, filters, scroll, profile, page, size, groupBy, overwrite, max, taker } = options;
  const groups = groupBy.map(({ key, pattern }) => [key, pattern?.source]);
  const query = [url.href, filters, scroll, profile, page, size, groups, overwrite, String(max)];
  const text = JSON.stringify(taker === undefined ? query : [...query, taker]);
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
