/** What requests are answered with. */
import type { Indexes } from "../index/types.ts";
import type { Metrics } from "./metrics.ts";
import type { Pictures } from "./pictures.ts";
import type { Uploads } from "./uploads.ts";

/** The parts of a running server. */
export interface Service {
  readonly indexes: Indexes;
  readonly uploads: Uploads;
  readonly pictures: Pictures;
  readonly metrics: Metrics;
  /** Origins that the page may show pictures of. */
  readonly imageOrigins: readonly string[];
  /** Time limit of a request. */
  readonly timeoutMs: number;
  /** Takes one line for each request. */
  readonly onAnswer: (line: string) => void;
  /** Takes one line on what the operator should know. */
  readonly onProblem: (line: string) => void;
}

/** One request that is being answered. */
export interface Call<Q> {
  readonly service: Service;
  readonly request: Request;
  /** The parts of the path that a route names in braces. */
  readonly path: Readonly<Record<string, string>>;
  readonly query: Q;
  /** Aborted when the answer is not wanted any more. */
  readonly signal: AbortSignal;
  /** Requests that are being answered. */
  readonly running: number;
}
