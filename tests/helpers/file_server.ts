/** A server of one file that behaves as lines and hosts do, and counts what it sends. */
import { setTimeout as sleep } from "node:timers/promises";
import { rawServer } from "./raw_server.ts";

/** A request of a {@linkcode fileServer}. */
export interface FileRequest {
  /** Number of the request, from 0. */
  readonly n: number;
  readonly path: string;
  readonly headers: ReadonlyMap<string, string>;
  /** First and last byte that it asks for; undefined for the whole file. */
  readonly range: readonly [number, number] | undefined;
}

/** What an answer is, where it is not what was asked for. */
export interface FileAnswer {
  readonly status?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** Bytes after which the connection ends. */
  readonly cutAfter?: number | undefined;
  /** Bytes that are sent at a time, with a pause after each. */
  readonly pace?: { readonly bytes: number; readonly pauseMs: number };
}

/**
 * Serves a file on loopback, by ranges.
 *
 * @param change what is other than usual; `sendsWhole` for what a host without ranges sends
 */
export async function fileServer(
  file: Uint8Array,
  change: (request: FileRequest, sendsWhole: FileAnswer) => FileAnswer = () => ({}),
) {
  const requests: FileRequest[] = [];
  const counts = { sent: 0 };
  const server = await rawServer(async (socket, text) => {
    const [, path = ""] = / (\S+) /.exec(text) ?? [];
    const headers = new Map(
      [...text.matchAll(/^([\w-]+): (.*)\r$/gm)].map(([, name, value]) => [
        name!.toLowerCase(),
        value!,
      ]),
    );
    const [, from, to] = /bytes=(\d+)-(\d+)/.exec(headers.get("range") ?? "") ?? [];
    const range = from === undefined ? undefined : [Number(from), Number(to)] as const;
    const request: FileRequest = { n: requests.length, path, headers, range };
    requests.push(request);
    const whole: FileAnswer = { status: "200 OK", headers: {}, body: file };
    const usual = range === undefined ? whole : part(file, range);
    const changed = change(request, whole);
    const { status, body, cutAfter, pace } = { ...usual, ...changed };
    const told: Record<string, string> = {
      "content-length": String(body!.length),
      connection: "close",
      ...usual.headers,
      ...changed.headers,
    };
    const lines = Object.entries(told).filter(([, value]) => value !== "").map(([name, value]) =>
      `${name}: ${value}\r\n`
    );
    socket.write(`HTTP/1.1 ${status}\r\n${lines.join("")}\r\n`);
    const sent = body!.subarray(0, cutAfter);
    for (let at = 0; at < sent.length && !socket.destroyed;) {
      const bytes = sent.subarray(at, at + (pace?.bytes ?? sent.length));
      socket.write(bytes);
      counts.sent += bytes.length;
      at += bytes.length;
      if (pace !== undefined) await sleep(pace.pauseMs);
    }
    socket.end();
  });
  return { ...server, requests, counts };
}

function part(file: Uint8Array, [from, to]: readonly [number, number]): FileAnswer {
  if (from >= file.length) {
    const headers = { "content-range": `bytes */${file.length}` };
    return { status: "416 Range Not Satisfiable", headers, body: new Uint8Array() };
  }
  const body = file.subarray(from, to + 1);
  const range = `bytes ${from}-${from + body.length - 1}/${file.length}`;
  return { status: "206 Partial Content", headers: { "content-range": range }, body };
}
