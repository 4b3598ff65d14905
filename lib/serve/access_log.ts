/** One line for each request. */

/** Longest path that is written down. */
const MAX_PATH = 200;

/**
 * What a request was and what it got. The query is left out, and what would steer a terminal or look
 * like another line is written as an escape.
 */
export function accessLine(
  request: Request,
  response: Response,
  status: number,
  ms: number,
): string {
  const { method, url } = request;
  const path = /^[a-z]+:\/\/[^/?#]*([^?#]*)/i.exec(url)?.[1] ?? url;
  const fields = {
    time: new Date().toISOString(),
    method: plain(method),
    path: plain(path === "" ? "/" : path),
    status,
    ms: ms.toFixed(1),
    bytes: response.headers.get("content-length") ?? 0,
  };
  return Object.entries(fields).map(([name, value]) => `${name}=${value}`).join(" ");
}

/** Only letters, digits and what else is plain in a log; the rest as `%XX`. */
function plain(text: string): string {
  const short = text.length > MAX_PATH ? `${text.slice(0, MAX_PATH)}...` : text;
  return short.toWellFormed().replaceAll(/[^\w\-./~%:@!$&'()*+,;]/gu, encodeURIComponent);
}
