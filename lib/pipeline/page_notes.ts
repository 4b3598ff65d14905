/** When a page of the catalogue is noted: once nothing is left to be done with its records. */
import type { DownloadedPage } from "../catalog/download.ts";
import type { RecordFile } from "../catalog/record_files.ts";

/** Pages whose records are on their way. They keep their order, so that one tells of all before it. */
export class PageNotes {
  readonly #numbers = new WeakMap<RecordFile, number>();
  readonly #pages: { readonly end: number; readonly note: () => void }[] = [];
  #count = 0;

  /** The records of a page set out. */
  add({ records, note }: DownloadedPage): void {
    for (const record of records) this.#numbers.set(record, ++this.#count);
    this.#pages.push({ end: this.#count, note });
  }

  /** A record has come to its end, and all before it. */
  passed(record: RecordFile): void {
    const number = this.#numbers.get(record)!;
    const done = this.#pages.findLastIndex(({ end }) => end <= number);
    if (done < 0) return;
    this.#pages.splice(0, done + 1).at(-1)!.note();
  }
}
