/** Every error class of Maken. Each carries a stable `code`, which is what failures are counted by. */

/** What all of Maken's own errors share. */
export abstract class MakenError extends Error {
  /** @param message of one line; where a text in it has more, they are joined */
  constructor(message: string, options?: ErrorOptions) {
    super(oneLine(message), options);
  }

  /** Stable, machine-readable name of what went wrong, such as `http_404`. */
  abstract readonly code: string;
}

/** The command line cannot be understood; ends a run with exit code 2. */
export class UsageError extends MakenError {
  override readonly name = "UsageError";
  readonly code = "usage";
}

/** The surroundings do not allow the run (folder, host, model, index); ends it with exit code 2. */
export class SetupError extends MakenError {
  override readonly name: string = "SetupError";
  readonly code = "setup";
}

/** There is no index of that name. */
export class AbsentIndexError extends SetupError {
  override readonly name = "AbsentIndexError";
}

/** An index is there, and Maken cannot work with one of its kind. */
export class UnfitIndexError extends SetupError {
  override readonly name = "UnfitIndexError";
}

/** A request to `serve` that is not answered as it asks. */
export class RequestError extends MakenError {
  override readonly name = "RequestError";
  readonly code = "request";

  /** @param status of the answer, 400 to 599 */
  constructor(
    readonly status: number,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

/** What is known of a request that failed. */
export interface HttpErrorInfo {
  /**
   * `http_<status>`, `network`, `timeout`, `body` (cut short or not as expected), `encoding` (bytes
   * that are no text), `too_large`, `redirect` or `host_not_allowed`.
   */
  readonly code: string;
  /** Without credentials. */
  readonly url: string;
  /** HTTP status, where there was one. */
  readonly status?: number;
  /** First part of the answer's body, where there was one. */
  readonly body?: string;
  /** Whether the same request may work later. */
  readonly retry?: boolean;
  /** Tries after which another one would not help, the first included; undefined for no such. */
  readonly tries?: number | undefined;
  /** Wait that the server asked for, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
}

/** A request that got no usable answer. */
export class HttpError extends MakenError {
  override readonly name = "HttpError";
  readonly code: string;
  constructor(message: string, readonly info: HttpErrorInfo, options?: ErrorOptions) {
    super(message, options);
    this.code = info.code;
  }
}

/** A catalogue record that cannot be used. */
export class RecordError extends MakenError {
  override readonly name = "RecordError";
  constructor(
    message: string,
    readonly code: "record_json" | "record_id" | "no_link",
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A picture that cannot be used. */
export class ImageError extends MakenError {
  override readonly name = "ImageError";
  constructor(
    message: string,
    readonly code: "image_unreadable" | "image_too_large" | "image_type" | "image_file",
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A vector or vector file that cannot be used. */
export class VectorError extends MakenError {
  override readonly name = "VectorError";
  constructor(
    message: string,
    readonly code: "vector_file" | "vector_size" | "vector_values",
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A file or folder that cannot be used for what it is called or where it is; others can. */
export class FileError extends MakenError {
  override readonly name = "FileError";
  readonly code = "file";
}

/** A document that an index did not take. */
export class IndexError extends MakenError {
  override readonly name = "IndexError";
  constructor(
    message: string,
    readonly code: "index_rejected" | "index_busy" | "index_too_large",
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A worker that died or could not start. */
export class WorkerError extends MakenError {
  override readonly name = "WorkerError";
  readonly code = "worker";
}

/** The stable code of any thrown value; `internal` for what is not Maken's own error. */
export function errorCode(error: unknown): string {
  if (error instanceof MakenError) return error.code;
  return isDiskFull(error) ? "disk_full" : "internal";
}

/** One line that says what went wrong. */
export function errorMessage(error: unknown): string {
  return oneLine(error instanceof Error ? error.message : String(error));
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*[\r\n]\s*/g, " ").trim();
}

/** Whether the disk is full (ENOSPC, EDQUOT): no later item can be stored either. */
export function isDiskFull(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return code === "ENOSPC" || code === "EDQUOT" ||
    (error instanceof Error && /os error (28|122)\b/.test(error.message));
}

/** Whether a file or folder could not be written for want of permission, or on a disk as a whole. */
export function isReadOnly(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return error instanceof Deno.errors.PermissionDenied ||
    ["EACCES", "EPERM", "EROFS"].includes(String(code));
}

/** The plain reason of a file error, without Deno's wording around it. */
export function fileReason(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "no such file or folder";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  if (error instanceof Deno.errors.NotCapable) return "outside the paths that this run may use";
  if (error instanceof Deno.errors.NotADirectory) return "it is not a folder, or below a file";
  if (error instanceof Deno.errors.IsADirectory) return "it is a folder";
  if (isDiskFull(error)) return "the disk is full";
  const code = String((error as { code?: unknown } | null)?.code);
  return REASONS.get(code) ?? errorMessage(error);
}

/** What the system's codes say of a file. */
const REASONS: ReadonlyMap<string, string> = new Map([
  ["ENOENT", "no such file or folder"],
  ["EACCES", "permission denied"],
  ["EPERM", "permission denied"],
  ["ENOTDIR", "it is not a folder, or below a file"],
  ["EISDIR", "it is a folder"],
  ["EEXIST", "something of that name is in the way"],
  ["ELOOP", "symbolic links lead in a circle"],
  ["ENAMETOOLONG", "its name is too long"],
  ["EROFS", "the disk can only be read"],
  ["EFBIG", "the disk takes no file of that size"],
  ["EBUSY", "another program is using it"],
  ["EMFILE", "too many files are open"],
  ["ENFILE", "too many files are open"],
  ["EIO", "the disk failed"],
  ["ESTALE", "the network disk has lost it"],
  ["ETIMEDOUT", "the disk does not answer"],
]);
