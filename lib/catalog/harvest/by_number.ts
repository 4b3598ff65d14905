/** Pages of one query by number, pass after pass until nothing is left that one of them has missed. */
import { HttpError } from "../../shared/errors.ts";
import { count } from "../../shared/progress.ts";
import type { CatalogClient, CatalogQuery } from "../client.ts";
import type { Days } from "../days.ts";
import { type NumberedPage, NumberedPages } from "./numbered_pages.ts";
import { type CameItem, Pass } from "./pass.ts";
import { Positions } from "./positions.ts";
import {
  type Extent,
  RESULT_WINDOW,
  type Split,
  splitIfChanged,
  splitIfTooLarge,
} from "./split.ts";
import type { HarvestPosition, PassState, Step } from "./step.ts";

/** Most passes over the pages of a query whose results change. */
const MAX_PASSES = 4;
/** Pages without records, one after the other, after which the others are not asked for. */
const EMPTY_PAGES = 3;

/** A query of {@linkcode byNumber}. */
export interface Numbered {
  /** Page to begin with. */
  readonly page: number;
  readonly days?: Days | undefined;
  /** Spans that come after it. */
  readonly rest?: readonly Days[];
  /** Records of it, where they are known. */
  readonly of?: number | undefined;
  /** Records of the query that it is a part of, where they are known. */
  readonly whole?: number | undefined;
  /** What came in earlier passes, as `idNumber` writes it; takes what comes now. */
  readonly known?: Set<number>;
  /** How many spans, this one included, are only asked for what an earlier pass did not bring. */
  readonly again?: number | undefined;
  /** The pass that is gone on with. */
  readonly pass?: PassState | undefined;
  /** Whether there is one pass only: over what is left of a scroll. */
  readonly isOnce?: boolean;
}

/** Pages of one query by number; gives its halves in their place if it must be split. */
export function byNumber(
  query: CatalogQuery,
  client: CatalogClient,
  part: Numbered,
): AsyncGenerator<Step, Split | undefined> {
  return new Passes(query, client, part).steps();
}

/** What follows a pass: nothing, another one, or the word that records may be missing. */
type Verdict = "settled" | "again" | "doubt";

class Passes {
  readonly #pages: NumberedPages;
  /** First page of a pass. */
  readonly #begin: number;
  /** What came in this query or those that it is a part of, and what in this query. */
  readonly #known: Set<number>;
  readonly #came: Set<number>;
  readonly #again: number;
  readonly #positions: Positions;
  /** Most records that the service told of in an earlier pass. */
  #most = 0;
  #last: Pass | undefined;

  constructor(
    private readonly query: CatalogQuery,
    private readonly client: CatalogClient,
    private readonly part: Numbered,
  ) {
    const { page, days, rest = [], of, known = new Set(), again = 0, isOnce = false } = part;
    this.#pages = new NumberedPages(query, client, days, of);
    const begin = days !== undefined ? 0 : isOnce ? page : query.page;
    this.#begin = begin;
    this.#known = known;
    this.#came = again > 0 ? new Set() : known;
    this.#again = again;
    this.#positions = new Positions({ days, rest, again, begin, known });
  }

  async *steps(): AsyncGenerator<Step, Split | undefined> {
    const { page, pass: state, of } = this.part;
    const number = state?.number ?? 1;
    let pass = this.#isFirst(number) ? new Pass(number, state, of) : new Pass(number);
    for (let first = page;; first = this.#begin) {
      const split = yield* this.#pass(pass, first);
      if (split !== undefined) return split;
      const verdict = this.#verdict(pass);
      if (verdict === "doubt") yield this.#doubtful(pass);
      if (verdict !== "again") return undefined;
      const halves = pass.number === 1
        ? await splitIfChanged(this.query, this.client, this.#extent())
        : undefined;
      if (halves !== undefined) return halves;
      this.#most = Math.max(this.#most, pass.most);
      this.#last = pass;
      pass = new Pass(pass.number + 1);
    }
  }

  /** One pass over the pages, from one on. */
  async *#pass(pass: Pass, first: number): AsyncGenerator<Step, Split | undefined> {
    const pages = this.#pages;
    let wasLostBeyond = false;
    let empty = 0;
    for (let number = first;; number++) {
      const got = await pages.get(number);
      const split = number === 0 && pass.number === 1
        ? await splitIfTooLarge(this.query, this.client, this.#extent(), this.#again > 0)
        : undefined;
      if (split !== undefined) return split;
      const { of, size } = pages;
      pass.tell(of);
      // The total may be too low: a page past it is asked for where the one before has a link to it.
      const isBeyond = number * size >= of && (number > this.#begin || this.part.isOnce === true);
      const came = pass.take(got.page?.items ?? [], !isBeyond);
      const isMore = got.page === undefined
        ? isBeyond && !wasLostBeyond
        : got.page.next !== undefined && came.length > 0;
      const isLast = (number + 1) * size >= of && !isMore;
      empty = got.error?.code === "empty_page" ? empty + 1 : 0;
      const isOutOfReach = !isLast && (number + 2) * size > RESULT_WINDOW;
      const isCut = isOutOfReach || (!isLast && empty >= EMPTY_PAGES);
      const unreached = isCut ? Math.max(1, of - (number + 1) * size) : 0;
      const missed = got.page !== undefined ? 0 : Math.max(isBeyond ? 1 : 0, this.#least(number));
      pass.lost += missed + unreached;
      wasLostBeyond = isBeyond && got.page === undefined;
      const items = this.#unknown(came, pass);

      const isEnd = isLast || isCut;
      const after = isEnd
        ? this.#afterPass(pass)
        : this.#isFirst(pass.number)
        ? this.#positions.page(number + 1, of, pass)
        : this.#positions.pass(pass.number);
      const notice = isEnd ? this.#notice(pass) : undefined;
      const step = { number, after: isCut ? undefined : after, notice };
      if (got.page !== undefined || this.#isFirst(pass.number)) {
        yield this.#step(got, items, { ...step, missed });
      }
      if (isCut && this.#isFirst(pass.number)) {
        yield this.#rest(got.url, number + 1, unreached, isOutOfReach, after);
      }
      if (isEnd) return undefined;
    }
  }

  /** Records that are on a page if all are full but the last one. */
  #least(number: number): number {
    const { of, size } = this.#pages;
    return Math.max(0, Math.min(size, of - number * size));
  }

  /** Whether a pass is the first that asks for these records: then what it loses counts as failed. */
  #isFirst(number: number): boolean {
    return number === 1 && this.#again === 0;
  }

  /** Records that came in no earlier pass. */
  #unknown(came: readonly CameItem[], pass: Pass): unknown[] {
    const isFirst = this.#isFirst(pass.number);
    const fresh = came.filter(({ number, hasId }) => hasId ? !this.#known.has(number) : isFirst);
    for (const { number } of came) this.#known.add(number);
    if (this.#came !== this.#known) { for (const { number } of came) this.#came.add(number); }
    return fresh.map(({ item }) => item);
  }

  #step(
    got: NumberedPage,
    items: readonly unknown[],
    { missed, ...step }: Pick<Step, "number" | "after" | "notice"> & { missed: number },
  ): Step {
    const { url, page } = got;
    const total = this.#total();
    if (page === undefined) {
      return { ...step, url, error: got.error, records: missed, total, repeated: false };
    }
    const repeated = items.length === 0 && page.items.length > 0;
    return { ...step, url, page: { ...page, items }, records: items.length, total, repeated };
  }

  /** The pages that are not asked for. */
  #rest(
    url: string,
    number: number,
    records: number,
    isOutOfReach: boolean,
    after: HarvestPosition | undefined,
  ): Step {
    const reason = isOutOfReach
      ? `the service gives ${RESULT_WINDOW} of a query; use --scroll`
      : "the pages before them have no records, though there are more";
    const code = isOutOfReach ? "result_window" : "empty_page";
    const message = `Cannot get the last ${records} records of ${url}: ${reason}`;
    const error = new HttpError(message, { code, url });
    return { number, url, error, records, total: undefined, repeated: false, after };
  }

  #extent(): Extent {
    const { of, size } = this.#pages;
    return { days: this.part.days, of, size };
  }

  #total(): number | undefined {
    return this.part.days === undefined ? this.#pages.of : this.part.whole;
  }

  /** Records before the first page of a pass. */
  #before(): number {
    return this.#begin * this.#pages.size;
  }

  #verdict(pass: Pass): Verdict {
    const before = this.#before();
    if (this.part.isOnce || pass.isWhole(before)) return "settled";
    if (pass.number > 1) {
      const most = Math.max(this.#most, pass.most);
      const isAll = this.#came.size + before >= most;
      if (isAll || pass.isSameAs(this.#last, before)) return "settled";
    }
    // Lost pages are failures already: the same command makes up for all.
    const isLossy = this.#isFirst(pass.number) && pass.lost > 0;
    return isLossy || pass.number >= MAX_PASSES ? "doubt" : "again";
  }

  #notice(pass: Pass): string | undefined {
    if (!this.#isFirst(pass.number) || this.#verdict(pass) !== "again") return undefined;
    const { doubles, came } = pass;
    const what = doubles > 0
      ? `${recordsText(doubles)} came twice`
      : pass.hasShifted
      ? "records were taken out meanwhile"
      : `${count(came)} of ${recordsText(this.#pages.of - this.#before())} came`;
    return `${what}, so that others may be missing: asking again`;
  }

  #doubtful(pass: Pass): Step {
    const url = this.#pages.url(this.#begin);
    const lost = this.#isFirst(pass.number) ? pass.lost : 0;
    const records = this.#pages.of - this.#before() - this.#came.size - lost;
    const why = pass.hasShifted
      ? "the results changed whenever they were asked for"
      : "its pages do not hold them";
    return {
      ...{ number: this.#begin, url, records: Math.max(1, records), total: this.#total() },
      ...{
        doubt: `${why}; run the same command again`,
        repeated: true,
        after: this.#positions.end(),
      },
    };
  }

  /** Where the harvest goes on after a pass; undefined if there is more to tell before. */
  #afterPass(pass: Pass): HarvestPosition | undefined {
    const verdict = this.#verdict(pass);
    if (verdict === "again") return this.#positions.pass(pass.number + 1);
    return verdict === "settled" ? this.#positions.end() : undefined;
  }
}

function recordsText(n: number): string {
  return n === 1 ? "1 record" : `${count(n)} records`;
}
