/** FLOW: indexes, model, pictures -> service -> requests, until it is told to stop. */
import { setTimeout as sleep } from "node:timers/promises";
import { openIndexes } from "../index/open.ts";
import type { Indexes } from "../index/types.ts";
import { errorMessage, fileReason, HttpError, SetupError } from "../shared/errors.ts";
import { requireFolder } from "../shared/files.ts";
import { logLine } from "../shared/log.ts";
import { count } from "../shared/progress.ts";
import type { Report, Stage } from "../shared/run.ts";
import { Api } from "./api.ts";
import { Metrics } from "./metrics.ts";
import { Pictures } from "./pictures.ts";
import { hasModel, type ServeOptions, urlHost } from "./options.ts";
import { Uploads } from "./uploads.ts";

/** How long requests that have begun may take when the server is told to stop. */
const DRAIN_MS = 5000;
/** How long a problem that goes on is not told again, and of how many that is remembered. */
const REPEAT_MS = 10_000;
const MAX_REMEMBERED = 100;

/** Handles requests until the run is interrupted. */
export async function serve(options: ServeOptions, run: Stage): Promise<Report> {
  const { place, imagesDir, imageOrigins, timeoutSeconds, quiet } = options;
  if (imagesDir !== undefined) await requireFolder(imagesDir);
  const metrics = new Metrics();
  const timeoutMs = timeoutSeconds * 1000;
  const ended = new AbortController();
  await using indexes = await openIndexes(place, {
    timeoutMs,
    retries: 1,
    signal: ended.signal,
    onNotice: (text) => run.warn(text),
  });
  await checkPlace(indexes, run);
  using uploads = await startUploads(options, metrics, run);
  const api = new Api({
    indexes,
    uploads,
    pictures: new Pictures({ imagesDir, imageOrigins }),
    metrics,
    imageOrigins,
    timeoutMs,
    onResponse: quiet ? () => {} : logLine,
    onProblem: withoutRepeats((text) => run.warn(text)),
  });
  const server = listen(options, api);
  logAddress(options, server.addr);
  await stopped(run.signal);
  await drain(server, api);
  ended.abort();
  const requests = metrics.answered;
  return { json: { requests }, summary: `${count(requests)} requests` };
}

/** Passes on a line, but not the same one again within a while. */
function withoutRepeats(log: (text: string) => void): (text: string) => void {
  const logged = new Map<string, number>();
  return (text) => {
    const now = performance.now();
    if (now - (logged.get(text) ?? -Infinity) < REPEAT_MS) return;
    if (logged.size >= MAX_REMEMBERED) logged.clear();
    logged.set(text, now);
    log(text);
  };
}

/** Tells of indexes that cannot be reached yet; a fault that will not pass by itself ends the run. */
async function checkPlace(indexes: Indexes, run: Stage): Promise<void> {
  try {
    await indexes.check();
  } catch (error) {
    const mayPass = error instanceof SetupError &&
      (error.cause instanceof HttpError || error.cause instanceof Deno.errors.NotFound);
    if (!mayPass) throw error;
    run.warn(`${errorMessage(error)}; requests are refused until it is there`);
  }
}

/** Loads the model, if there is one; else tells that uploads are off, and what turns them on. */
async function startUploads(options: ServeOptions, metrics: Metrics, run: Stage): Promise<Uploads> {
  if (!options.uploads) return Uploads.off("the server was started with --no-uploads", metrics);
  try {
    return await Uploads.start(options, metrics);
  } catch (error) {
    // A model that is there, but cannot be used, is a fault that the user did not ask for.
    if (!(error instanceof SetupError) || hasModel(options)) throw error;
    run.warn(`search by uploaded pictures is off: ${error.message}`);
    return Uploads.off(error.message, metrics);
  }
}

type Server = Deno.HttpServer<Deno.NetAddr>;

function listen(
  { host, port }: ServeOptions,
  api: Api,
): Server {
  try {
    return Deno.serve({ hostname: host, port, onListen() {} }, (request) => api.handle(request));
  } catch (error) {
    const where = `${urlHost(host)}:${port}`;
    throw new SetupError(`Cannot listen on ${where}: ${listenReason(error)}`, { cause: error });
  }
}

function listenReason(error: unknown): string {
  if (error instanceof Deno.errors.AddrInUse) {
    return "another program uses that port; --port takes another one";
  }
  if (error instanceof Deno.errors.AddrNotAvailable) return "it is no address of this machine";
  if (error instanceof Deno.errors.PermissionDenied) {
    return "the system does not allow it; ports from 1024 on need no special right";
  }
  return fileReason(error);
}

function logAddress({ host }: ServeOptions, { port }: Deno.NetAddr): void {
  const isLoopback = host === "localhost" || host === "::1" || /^127\./.test(host);
  if (!isLoopback) logLine("serve: whoever can reach this address can search");
  logLine(`Maken answers at http://${urlHost(host)}:${port}`);
}

async function stopped(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
}

/** Takes no further requests, and ends when those that have begun are answered or had their time. */
async function drain(server: Server, api: Api): Promise<void> {
  const enough = sleep(DRAIN_MS, undefined, { ref: false });
  // What Deno's own shutdown would do at once is to cut off bodies that are still on their way.
  await Promise.race([api.stop(), enough]);
  await Promise.race([server.shutdown(), enough]);
}
