/** What a harvest gives, page by page, and where it goes on. */
import type { HttpError } from "../../shared/errors.ts";
import type { Days } from "../days.ts";
import type { SearchPage } from "../search_page.ts";

/** Where a harvest goes on. */
export type HarvestPosition =
  | {
    readonly mode: "pages";
    /** Next page of the first span. */
    readonly page: number;
    /** Spans that are left; undefined while the query is not split. */
    readonly spans?: readonly Days[];
    /** Records of the first span, where they are known. */
    readonly of?: number;
    /** How many spans, from the first on, are only asked for what an earlier pass did not bring. */
    readonly again?: number;
    /** The pass over the first span; absent where that has not begun. */
    readonly pass?: PassState;
  }
  | {
    readonly mode: "scroll";
    /** Pages that were seen. */
    readonly page: number;
    /** Address of the next page; undefined where the scroll begins, or begins again. */
    readonly next?: string;
    /** Records before it. */
    readonly taken?: number;
  };

/** How far a pass over the pages of one query has come. */
export interface PassState {
  /** From 1. */
  readonly number: number;
  /** Records on the pages so far. */
  readonly came: number;
  /** Records on those that could not be had. */
  readonly lost: number;
  /** Whether the results were seen to change. */
  readonly shifted: boolean;
  /** What {@linkcode idNumber} makes of the ids that have come, as {@linkcode idsText} writes it. */
  readonly ids: string;
}

/** A page, or one that could not be had. */
export interface Step {
  /** Number of the page in its query, from 0. */
  readonly number: number;
  readonly url: string;
  /** Without records that have come before; undefined if the page is lost: `error` says why. */
  readonly page?: SearchPage;
  readonly error?: HttpError;
  /** In place of both: why records may be missing, though no page is. */
  readonly doubt?: string;
  /**
   * Records on the page, or the most that were expected on it; Infinity for as many as the whole
   * query lacks.
   */
  readonly records: number;
  /** Records that match the whole query as the service tells, where it did. */
  readonly total: number | undefined;
  /** Whether its records may have been seen: then only those that are new count. */
  readonly repeated: boolean;
  /** Where the harvest goes on after it; undefined at its end, or not before the next step. */
  readonly after: HarvestPosition | undefined;
  /** What to tell the person who runs the tool. */
  readonly notice?: string | undefined;
}
