/** The files of the web page, as part of the program. */
import app from "./page/app.js" with { type: "text" };
import docsCss from "./page/docs.css" with { type: "text" };
import html from "./page/index.html" with { type: "text" };
import css from "./page/page.css" with { type: "text" };
import { respond } from "./responses.ts";

const HTML = "text/html; charset=utf-8";
const SCRIPT = "text/javascript; charset=utf-8";
const STYLE = "text/css; charset=utf-8";

/** Files below `/page/`. */
const FILES: ReadonlyMap<string, readonly [text: string, type: string]> = new Map([
  ["app.js", [app, SCRIPT]],
  ["docs.css", [docsCss, STYLE]],
  ["page.css", [css, STYLE]],
]);

/** The page itself. */
export function pageResponse(imageOrigins: readonly string[]): Response {
  return htmlResponse(html, imageOrigins);
}

/** A file of the page; undefined if there is none of that name. */
export function pageFile(name: string): Response | undefined {
  const file = FILES.get(name);
  return file && respond(...file, { headers: { "cache-control": "no-cache" } });
}

/** A page that may load its own parts, and pictures of these hosts. */
export function htmlResponse(text: string, imageOrigins: readonly string[] = []): Response {
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    `img-src ${["'self'", "blob:", ...imageOrigins].join(" ")}`,
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  return respond(text, HTML, {
    headers: {
      "cache-control": "no-cache",
      "content-security-policy": policy.join("; "),
      "referrer-policy": "no-referrer",
      "cross-origin-opener-policy": "same-origin",
    },
  });
}
