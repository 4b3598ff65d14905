/** FLOW: indexes -> the server's memory. */
import { openIndex } from "../index/open.ts";
import type { Report, Stage } from "../shared/run.ts";
import type { IngestOptions } from "./options.ts";

/** Makes the first searches of several indexes as fast as later ones. */
export async function warmUp(options: IngestOptions, run: Stage): Promise<Report> {
  const { warmupOnly: names, place, retries, timeoutSeconds } = options;
  await using opened = new AsyncDisposableStack();
  const indexes = await Promise.all(names.map(async (name) =>
    opened.use(
      await openIndex(place, name, {
        mode: "read",
        concurrency: 1,
        timeoutMs: timeoutSeconds * 1000,
        retries,
        signal: run.signal,
        onNotice: (text) => run.warn(text),
        onRetry: () => run.stats.retried++,
      }),
    )
  ));
  for (const index of indexes) await index.warmup();
  run.stats.total = run.stats.stored = names.length;
  return { json: { warm: names }, summary: `warm: ${names.join(", ")}` };
}
