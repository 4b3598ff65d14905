/** Downloads a large file in parts, so that a download that broke off goes on where it was. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { fileReason, HttpError, SetupError } from "../../shared/errors.ts";
import { STATE_DIR } from "../../shared/files.ts";
import { politeClient, type Politeness } from "../../shared/http.ts";
import type { Stage } from "../../shared/run.ts";
import { hostAndPort } from "../../shared/urls.ts";

/** Bytes that are asked for at a time. */
const PART_BYTES = 4e6;
/** Largest file. */
const MAX_BYTES = 200e6;

/** What is downloaded. */
export interface Download extends Politeness {
  readonly url: URL;
  /** In hex. */
  readonly md5: string;
}

/**
 * Downloads a file to `<dir>/.maken/<md5>.part`, where an earlier download of it may lie, and
 * checks it.
 *
 * @returns path of the part file, which is then whole
 * @throws {SetupError} if it cannot be had, or is not the wanted one
 */
export async function fetchFile(download: Download, dir: string, run: Stage): Promise<string> {
  const { url, md5 } = download;
  const path = join(dir, STATE_DIR, `${md5}.part`);
  try {
    using file = await Deno.open(path, { create: true, read: true, append: true });
    await fetchRest(download, file, path, run);
    const found = await md5Of(path);
    if (found === md5) return path;
    await Deno.remove(path);
    throw new SetupError(
      `Cannot use ${url}: its md5 is ${found}, not ${md5}; what was downloaded is removed`,
    );
  } catch (error) {
    if (error instanceof SetupError || run.signal.aborted) throw error;
    const isLater = !(error instanceof HttpError) || error.info.retry === true;
    const hint = isLater ? "; the same command goes on where it stopped" : "";
    const message = error instanceof HttpError
      ? error.message + hint
      : `Cannot write "${path}": ${fileReason(error)}${hint}`;
    throw new SetupError(message, { cause: error });
  }
}

/** Appends what is missing, part by part. */
async function fetchRest(
  download: Download,
  file: Deno.FsFile,
  path: string,
  run: Stage,
): Promise<void> {
  const { url } = download;
  const { signal, stats } = run;
  const limits = { hosts: [hostAndPort(url)], maxBytes: MAX_BYTES };
  const http = politeClient(download, { ...limits, signal, onRetry: () => stats.retried++ });
  for (let { size } = await Deno.stat(path), total = Infinity; size < total;) {
    const range = `bytes=${size}-${size + PART_BYTES - 1}`;
    const answer = await http.get(url.href, { range }).catch((error) => {
      // Nothing is left to be sent: the checksum tells whether this is the whole file.
      if (error instanceof HttpError && error.info.status === 416 && size > 0) return undefined;
      throw error;
    });
    if (answer === undefined) return;
    if (answer.status === 200) { // the server sends no parts
      await file.truncate(0);
      total = answer.body.length;
    } else {
      total = Number(/\/(\d+)$/.exec(answer.headers.get("content-range") ?? "")?.[1] ?? NaN);
      if (!(total <= MAX_BYTES) || answer.body.length === 0) {
        throw new SetupError(`Cannot use the answer of ${url}: it is not a part of a file`);
      }
    }
    for (let rest = answer.body; rest.length > 0;) rest = rest.subarray(await file.write(rest));
    size = (await Deno.stat(path)).size;
    if (size === total) return;
    stats.detail = `${(size / 1e6).toFixed(0)} of ${(total / 1e6).toFixed(0)} MB`;
  }
}

async function md5Of(path: string): Promise<string> {
  const hash = createHash("md5");
  using file = await Deno.open(path);
  const buffer = new Uint8Array(1 << 20);
  for (let n; (n = await file.read(buffer)) !== null;) hash.update(buffer.subarray(0, n));
  return hash.digest("hex");
}
