/** A record's picture from the image host. */
import { HttpError } from "../shared/errors.ts";
import { type HttpAnswer, type HttpClient } from "../shared/http.ts";
import { bodyStart } from "../shared/http_body.ts";
import { unreadable } from "./file_kind.ts";
import { isImage } from "./image_type.ts";

/** A picture that was fetched. */
export interface FetchedImage {
  readonly file: Uint8Array<ArrayBuffer>;
  /** Addresses that were not asked, for when the file turns out to be damaged. */
  readonly otherUrls: readonly string[];
}

/** What is asked for, and what is taken. */
export interface FetchRules {
  /** Kinds of pictures that can be read, as an Accept header names them. */
  readonly accept: string;
  /** Take pictures even where their host asks not to use them for AI. */
  readonly ignoreRobots: boolean;
}

/** Where the host is down, busy or asks for something else, another size would fare no better. */
const FINAL_CODES = ["network", "http_408", "http_429", "http_503", "robots"];

/**
 * Fetches a picture from the first address that gives one.
 *
 * @param urls at least one, best first
 * @throws {HttpError} why the best size could not be had, if none could
 */
export async function fetchImage(
  urls: readonly string[],
  http: HttpClient,
  { accept, ignoreRobots }: FetchRules,
): Promise<FetchedImage> {
  let reason: HttpError | undefined;
  for (const [i, url] of urls.entries()) {
    try {
      const { body } = await http.get(url, { accept }, (answer) => {
        if (!ignoreRobots) checkRobots(answer);
        return checkImage(answer);
      });
      return { file: body, otherUrls: urls.slice(i + 1) };
    } catch (error) {
      if (!(error instanceof HttpError) || FINAL_CODES.includes(error.code)) throw error;
      reason ??= error;
    }
  }
  throw explainRefusal(reason!);
}

/** A picture may be smaller than what is asked for; rights are enforced where pictures are served. */
function explainRefusal({ message, info }: HttpError): HttpError {
  const reason = [400, 403, 501].includes(info.status ?? 0) && isAboutSize(info.body ?? "")
    ? "the server does not enlarge pictures, and this one is smaller than what was asked for"
    : info.status === 403
    ? "the item's rights do not let it be seen from here"
    : undefined;
  return reason === undefined
    ? new HttpError(message, info)
    : new HttpError(`${message}: ${reason}`, info);
}

/** Whether a refusal tells of a size above the picture's own, as image servers word it. */
function isAboutSize(body: string): boolean {
  if (/up-?scal|\bscales? (in excess|above|over|greater|larger)/i.test(body)) return true;
  const isLarger = /exceed|larger|greater|bigger/i.test(body);
  const isOfPicture = /\b(size|width|height|dimensions?|resolution)\b/i.test(body) &&
    /\b(image|picture|full|original|source|native)\b/i.test(body);
  return isLarger && isOfPicture;
}

/** The answer, if its first bytes are those of a picture. */
function checkImage(answer: HttpAnswer): HttpAnswer {
  if (isImage(answer.body)) return answer;
  const type = answer.headers.get("content-type") ?? "no type";
  const reason = unreadable(answer.body).message;
  throw new HttpError(`Cannot use the answer of ${answer.url}: ${reason} (${type})`, {
    code: "image_type",
    url: answer.url,
    body: bodyStart(answer.body),
  });
}

function checkRobots({ url, headers }: HttpAnswer): void {
  const rule = robotsRule(headers.get("x-robots-tag") ?? "");
  if (rule === undefined) return;
  const message = `Cannot use ${url}: its host asks not to (X-Robots-Tag: ${rule}); ` +
    "--ignore-robots uses it all the same";
  throw new HttpError(message, { code: "robots", url });
}

/** Rules that have a value after a colon, as the name of an agent has its rules. */
const RULES_WITH_VALUE = [
  "unavailable_after",
  "max-snippet",
  "max-image-preview",
  "max-video-preview",
];

/**
 * The rule of an X-Robots-Tag header that keeps a picture from being used by a machine: `noai` or
 * `noimageai`, for all agents or for `maken`.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * assert.equal(robotsRule("noindex, NoAI"), "noai");
 * assert.equal(robotsRule("max-image-preview:large, noai"), "noai");
 * assert.equal(robotsRule("otherbot: noimageai, noindex"), undefined);
 * assert.equal(robotsRule("otherbot: noindex, maken: noimageai"), "noimageai");
 * ```
 */
export function robotsRule(header: string): string | undefined {
  let agent = "";
  for (const part of header.toLowerCase().split(",")) {
    const [, name = "", rule = ""] = /^\s*(?:([^:\s]+)\s*:)?\s*(.*?)\s*$/.exec(part)!;
    if (name !== "" && !RULES_WITH_VALUE.includes(name)) agent = name;
    if (["noai", "noimageai"].includes(rule) && ["", "maken"].includes(agent)) return rule;
  }
  return undefined;
}
