/** Errors of requests: what could not be had, from where and why, without credentials. */
import { HttpError, type HttpErrorInfo } from "./errors.ts";
import { bodyStart } from "./http_body.ts";
import { retryAfterMs } from "./retry.ts";
import { withoutCredentials } from "./urls.ts";

const STATUS_HINTS: Record<number, string> = {
  401: " (not signed in)",
  403: " (access refused)",
  404: " (not found)",
  429: " (too many requests)",
};

/** The error of a request to `url`. */
export function httpError(
  code: string,
  url: URL,
  reason: string,
  info: Partial<HttpErrorInfo> = {},
  cause?: unknown,
): HttpError {
  const href = withoutCredentials(url.href);
  return new HttpError(`Cannot get ${href}: ${reason}`, { ...info, code, url: href }, { cause });
}

/** The error of an answer whose status says that it is none. */
export function statusError(response: Response, url: URL, body: Uint8Array): HttpError {
  const { status, headers } = response;
  return httpError(`http_${status}`, url, `status ${status}${STATUS_HINTS[status] ?? ""}`, {
    status,
    body: bodyStart(body),
    retry: status === 408 || status === 429 || status >= 500,
    retryAfterMs: retryAfterMs(headers.get("retry-after")),
  });
}
