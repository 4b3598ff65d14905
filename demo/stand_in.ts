/**
 * A stand-in of the catalogue API and the IIIF host on loopback, with the bundled records and
 * pictures. The demo and the tests run the real tools against it.
 */
import { join } from "node:path";

/** A record of the catalogue, as far as the stand-in looks at it. */
export interface StandInRecord {
  readonly id?: unknown;
  readonly accessInfo?: { readonly accessAllowedFrom?: string };
  readonly metadata?: {
    readonly title?: string;
    readonly mediaTypes?: readonly string[];
    readonly contentClasses?: readonly string[];
    readonly originInfo?: { readonly firstDigitalContentTime?: string };
    readonly identifiers?: { readonly urn?: string };
  };
}

/** A page of results. */
export interface StandInPage {
  readonly _links: { readonly self: unknown; readonly next?: { readonly href: string } };
  readonly page: {
    readonly size: number;
    readonly totalElements: number;
    readonly totalPages: number;
    readonly number: number;
  };
  readonly _embedded?: { readonly items: readonly StandInRecord[] };
}

/** How the stand-in is set up. */
export interface StandInOptions {
  readonly records: readonly StandInRecord[];
  /** File name of each URN's picture in `picturesDir`. */
  readonly pictures?: Readonly<Record<string, string>>;
  readonly picturesDir?: string;
  /** 0 takes any port that is free. */
  readonly port?: number;
  /** Changes a page of results before it is sent: how tests make odd services. */
  readonly alter?: (page: StandInPage, url: URL) => unknown;
  /** Answers in place of the stand-in where it gives a response: how tests make faults. */
  readonly intercept?: (
    request: Request,
    url: URL,
  ) => Response | undefined | Promise<Response | undefined>;
}

/** A running stand-in. */
export interface StandIn extends AsyncDisposable {
  /** Such as `http://127.0.0.1:8123`. */
  readonly url: string;
  /** Path and query of each request so far. */
  readonly requests: readonly string[];
}

const MAX_SIZE = 100;
/** Results that can be reached by page number, without scroll. */
const RESULT_WINDOW = 10_000;

/** Starts a stand-in on 127.0.0.1. */
export function startStandIn(options: StandInOptions): StandIn {
  const requests: string[] = [];
  const access = new Map(
    options.records.map((r) => [r.metadata?.identifiers?.urn, r.accessInfo?.accessAllowedFrom]),
  );
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: options.port ?? 0, onListen: () => {} },
    async (request) => {
      const url = new URL(request.url);
      requests.push(url.pathname + url.search);
      const answer = await options.intercept?.(request, url);
      if (answer !== undefined) return answer;
      if (url.pathname === "/catalog/v1/items") return searchResponse(url, options);
      const picture = /^\/services\/image\/resolver\/([^/]+)\/full\/([^/]+)\/0\/native\.jpg$/
        .exec(decodeURIComponent(url.pathname));
      if (picture === null) return json({ status: "NOT_FOUND" }, 404);
      const [, urn = "", size = ""] = picture;
      return await pictureResponse(urn, size, access.get(urn), options);
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    requests,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** `GET /catalog/v1/items`: filter, page, size and scroll. */
function searchResponse(url: URL, { records: all, alter }: StandInOptions): Response {
  const query = url.searchParams;
  const size = Number(query.get("size") ?? 10);
  const number = Number(query.get("scrollId") ?? query.get("page") ?? 0);
  if (!(size >= 0 && size <= MAX_SIZE)) return json({ error: "size must be 0 to 100" }, 400);
  const scroll = query.get("scroll") === "true";
  if (!scroll && (number + 1) * size > RESULT_WINDOW) {
    return json({ error: "Result window is too large" }, 500);
  }
  const records = all.filter((record) => query.getAll("filter").every((f) => matches(record, f)));
  const items = records.slice(number * size, (number + 1) * size);
  const totalPages = size === 0 ? 0 : Math.ceil(records.length / size);
  const link = (page: number) => {
    const target = new URL(url);
    if (scroll) target.searchParams.set("scrollId", String(page));
    else target.searchParams.set("page", String(page));
    return { href: target.href };
  };
  const body: StandInPage = {
    _links: {
      self: { href: url.href },
      ...(number + 1 < totalPages ? { next: link(number + 1) } : {}),
    },
    page: { size, totalElements: records.length, totalPages, number },
    ...(items.length > 0 ? { _embedded: { items } } : {}),
  };
  // The bundled records link to the real hosts.
  const text = JSON.stringify(alter?.(body, url) ?? body).replaceAll(
    /https:\/\/(api|www)\.nb\.no(:443)?/g,
    url.origin,
  );
  return new Response(text, { headers: { "content-type": "application/hal+json" } });
}

/** One filter: `field:value` or `firstDigitalContentTime:[from TO to]` with days as YYYYMMDD. */
function matches(record: StandInRecord, filter: string): boolean {
  const [field = "", ...rest] = filter.split(":");
  const value = rest.join(":").toLowerCase();
  const { mediaTypes = [], contentClasses = [], originInfo = {} } = record.metadata ?? {};
  if (field === "mediatype") return mediaTypes.includes(value);
  if (field === "contentClasses") return contentClasses.includes(value);
  if (field === "firstDigitalContentTime") {
    const [, from = "", to = ""] = /^\[(\d{8}) to (\d{8})\]$/.exec(value) ?? [];
    const day = originInfo.firstDigitalContentTime?.slice(0, 10).replaceAll("-", "") ?? "";
    return from <= day && day <= to;
  }
  return false;
}

/** Like the real host: what is not open to everyone is to be had as a small thumbnail only. */
async function pictureResponse(
  urn: string,
  size: string,
  access: string | undefined,
  { pictures = {}, picturesDir = "" }: StandInOptions,
): Promise<Response> {
  const file = Object.hasOwn(pictures, urn) ? pictures[urn] : undefined;
  if (file === undefined) return new Response("Not found", { status: 404 });
  if (access !== "EVERYWHERE" && size !== "0,200") {
    return new Response("Forbidden", { status: 403 });
  }
  const bytes = await Deno.readFile(join(picturesDir, file));
  return new Response(bytes, { headers: { "content-type": "image/jpeg" } });
}

function json(body: unknown, status: number): Response {
  return Response.json(body, { status });
}
