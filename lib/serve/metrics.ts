/** Counts and times for Prometheus. */
import { Counter, Gauge, Histogram, Registry } from "prom-client";

/** Upper ends of the histogram's parts, in seconds. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** What became of an uploaded picture. */
export type UploadOutcome = "embedded" | "unreadable" | "refused" | "failed";

/** What one server has done. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #requests = new Counter({
    name: "maken_requests_total",
    help: "Requests by route, method and status",
    labelNames: ["route", "method", "status"],
    registers: [this.#registry],
  });
  readonly #seconds = new Histogram({
    name: "maken_request_seconds",
    help: "Time from a request's first line to its answer",
    labelNames: ["route"],
    buckets: SECONDS,
    registers: [this.#registry],
  });
  readonly #running = new Gauge({
    name: "maken_requests_running",
    help: "Requests that are being answered",
    registers: [this.#registry],
  });
  readonly #uploads = new Counter({
    name: "maken_uploads_total",
    help: "Uploaded pictures by what became of them",
    labelNames: ["outcome"],
    registers: [this.#registry],
  });
  readonly #documents = new Gauge({
    name: "maken_index_documents",
    help: "Documents of each index",
    labelNames: ["index"],
    registers: [this.#registry],
  });
  readonly #up = new Gauge({
    name: "maken_index_up",
    help: "Whether the indexes could be reached",
    registers: [this.#registry],
  });
  /** Requests that were answered. */
  answered = 0;

  /** A request was answered. */
  request(route: string, method: string, status: number, seconds: number): void {
    this.answered++;
    this.#requests.inc({ route, method, status });
    this.#seconds.observe({ route }, seconds);
  }

  /** An upload ended. */
  upload(outcome: UploadOutcome): void {
    this.#uploads.inc({ outcome });
  }

  /**
   * All figures as Prometheus' text.
   *
   * @param running requests that are being answered
   * @param documents by index; undefined where they could not be reached
   */
  async text(running: number, documents: ReadonlyMap<string, number> | undefined): Promise<string> {
    this.#running.set(running);
    this.#up.set(Number(documents !== undefined));
    this.#documents.reset();
    for (const [index, number] of documents ?? []) this.#documents.set({ index }, number);
    return await this.#registry.metrics();
  }
}

/** Media type of {@linkcode Metrics.text}. */
export const METRICS_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;
