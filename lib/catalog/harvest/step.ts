/** What a harvest gives, page by page, and where it goes on. */
import type { HttpError } from "../../shared/errors.ts";
import type { ResultPage } from "../client.ts";
import type { Days } from "../days.ts";

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

/** A page, or one that could not be had. */
export interface Step {
  /** Number of the page in its query, from 0. */
  readonly number: number;
  readonly url: string;
  /** Undefined if the page is lost: `error` says why. */
  readonly page?: ResultPage;
  readonly error?: HttpError;
  /** Records on the page, or the most that were expected on it. */
  readonly records: number;
  /** Records that match the whole query, where that is known. */
  readonly total: number | undefined;
  /** Whether its records may have been seen: then only those that are new count. */
  readonly repeated: boolean;
  /** Where the harvest goes on after it; undefined at its end, or not before the next step. */
  readonly after: HarvestPosition | undefined;
}
