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
  /** Takes one line for each response. */
  readonly onResponse: (line: string) => void;
  /** Takes one line on what the operator should know. */
  readonly onProblem: (line: string) => void;
}
