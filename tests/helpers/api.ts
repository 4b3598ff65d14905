/** The API in this process, over embedded indexes. */
import { IndexFolder } from "../../lib/index/embedded/index_folder.ts";
import { Api } from "../../lib/serve/api.ts";
import { Metrics } from "../../lib/serve/metrics.ts";
import { Pictures } from "../../lib/serve/pictures.ts";
import type { Service } from "../../lib/serve/service.ts";
import { Uploads } from "../../lib/serve/uploads.ts";

/** What is asked for. */
export interface Asked {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  /** Sent as JSON; text, bytes and streams as they are. */
  readonly body?: unknown;
}

/** An answer with its JSON, if it is some. */
export interface Told {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // deno-lint-ignore no-explicit-any -- tests look into it as into any JSON
  readonly json: any;
}

/** Makes the API over the indexes of a folder, without a model. */
export function testApi(
  indexDir: string,
  { imagesDir, ...options }: Partial<Service> & { imagesDir?: string } = {},
) {
  const metrics = new Metrics();
  const accessLog: string[] = [];
  const problems: string[] = [];
  const imageOrigins = ["https://www.nb.no"];
  const indexes = new IndexFolder(indexDir);
  const api = new Api({
    indexes,
    metrics,
    uploads: Uploads.off("there is no model", metrics),
    pictures: new Pictures({ imagesDir, imageOrigins }),
    imageOrigins,
    timeoutMs: 10_000,
    onResponse: (line) => accessLog.push(line),
    onProblem: (line) => problems.push(line),
    ...options,
  });
  const ask = async (path: string, { method, headers = {}, body }: Asked = {}): Promise<Told> => {
    const isRaw = typeof body === "string" || body instanceof Uint8Array ||
      body instanceof ReadableStream || body instanceof FormData;
    const request = new Request(`http://localhost${path}`, {
      method: method ?? (body === undefined ? "GET" : "POST"),
      headers,
      ...(body === undefined ? {} : { body: isRaw ? body as BodyInit : JSON.stringify(body) }),
    });
    return await told(await api.handle(request));
  };
  return {
    api,
    ask,
    accessLog,
    problems,
    [Symbol.asyncDispose]: () => indexes[Symbol.asyncDispose](),
  };
}

/** Reads an answer to its end. */
export async function told(response: Response): Promise<Told> {
  const text = await response.text();
  const isJson = response.headers.get("content-type") === "application/json";
  const { status, headers } = response;
  return { status, headers, text, json: isJson && text !== "" ? JSON.parse(text) : undefined };
}
