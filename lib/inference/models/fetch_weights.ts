/** Downloads a large file in parts, so that a download that broke off goes on where it was. */
import { fileReason, HttpError, SetupError } from "../../shared/errors.ts";
import {
  type HttpClient,
  type OpenAnswer,
  politeClient,
  type Politeness,
} from "../../shared/http.ts";
import { PACKINGS, unpackedChunks } from "../../shared/http_body.ts";
import { httpError } from "../../shared/http_errors.ts";
import type { Stage } from "../../shared/run.ts";
import { unlessEmpty } from "../../shared/streams.ts";
import { hostAndPort } from "../../shared/urls.ts";
import type { PartFile, Source } from "./part_file.ts";

/** Bytes that are asked for at a time. */
const PART_BYTES = 4e6;
/** Largest file. */
const MAX_BYTES = 200e6;
/** After so many changes its host may say that of any two answers: the checksum alone tells then. */
const CHANGES_BELIEVED = 2;
/** Changes of its length after which a file is given up. */
const MAX_CHANGES = 4;

/** What is downloaded. */
export interface Download extends Politeness {
  readonly url: URL;
  /** In hex. */
  readonly md5: string;
  /** Hosts with port that it may be redirected to, besides its own. */
  readonly allowHosts: readonly string[];
}

/**
 * Downloads what is missing of a file, and checks it. What came stays for the next run, unless it is
 * whole and another file than the wanted one.
 *
 * @param part is whole afterwards
 * @throws {SetupError} if it cannot be had, or is not the wanted one
 */
export async function fetchFile(download: Download, part: PartFile, run: Stage): Promise<void> {
  const { url, md5 } = download;
  try {
    if (part.size > 0 && await part.md5() === md5) return; // whole, but not stored yet
    await new Fetching(download, part, run).toItsEnd();
    const found = await part.md5();
    if (found === md5) return;
    const kind = otherKind(await part.start(START_BYTES));
    await part.remove();
    const what = kind === undefined ? "" : ` (it is ${kind})`;
    throw new SetupError(
      `Cannot use ${url}: its md5 is ${found}, not ${md5}${what}; what was downloaded is removed`,
    );
  } catch (error) {
    if (error instanceof SetupError || run.signal.aborted) throw error;
    throw new SetupError(reasonOf(error, download, part), { cause: error });
  }
}

function reasonOf(error: unknown, download: Download, { path }: PartFile): string {
  const { href } = download.url;
  const hint = "; the same command goes on where it stopped";
  if (!(error instanceof HttpError)) return `Cannot write "${path}": ${fileReason(error)}${hint}`;
  const { code, url: at, retry } = error.info;
  const target = URL.parse(at);
  const isWeb = target !== null && /^https?:$/.test(target.protocol);
  if (code === "host_not_allowed" && isWeb && !hostsOf(download).includes(hostAndPort(target))) {
    return `Cannot get ${href}: it redirects to ${target.host}; if that host may be asked, ` +
      `add --allow-hosts ${target.host}`;
  }
  // The address of a redirect may hold a signature, which is a secret for some time.
  const message = at === href ? error.message : error.message.replace(at, at.replace(/\?.*/, "?…"));
  return retry === true ? message + hint : message;
}

const hostsOf = ({ url, allowHosts }: Download) => [hostAndPort(url), ...allowHosts];

/** One download, over as many requests as it takes. */
class Fetching {
  readonly #http: HttpClient;
  #total: number | undefined;
  #changes = 0;
  /** Whether the host sends parts as they are. */
  #sendsParts = true;
  #toldOfWhole = false;

  constructor(
    private readonly download: Download,
    private readonly part: PartFile,
    private readonly run: Stage,
  ) {
    this.#http = politeClient(download, {
      hosts: hostsOf(download),
      maxBytes: MAX_BYTES,
      staysSecure: true,
      signal: run.signal,
      onRetry: () => run.stats.retried++,
    });
  }

  /** Every request asks the original address: one that it redirects to may hold for a short time. */
  async toItsEnd(): Promise<void> {
    const ask = () => this.#headers();
    const reached = () => this.part.size;
    for (let isWhole = false; !isWhole;) {
      isWhole = await this.#http.receive(
        this.download.url.href,
        ask,
        (answer) => this.#take(answer),
        reached,
      );
    }
  }

  #headers(): Record<string, string> {
    if (!this.#sendsParts) return {};
    const { size, source } = this.part;
    const range = { range: `bytes=${size}-${size + PART_BYTES - 1}` };
    if (size === 0 || source === undefined || !this.#believes(source)) return range;
    const { etag, lastModified } = source;
    const validator = /^"/.test(etag) ? etag : lastModified; // a weak ETag does not count here
    return validator === "" ? range : { ...range, "if-range": validator };
  }

  /** Whether what the host tells of the file's state is of the same file, and of use. */
  #believes(source: Source): boolean {
    return source.url === this.download.url.href && this.#changes < CHANGES_BELIEVED;
  }

  /** Adds what an answer brings; tells whether the file is whole then. */
  async #take(answer: OpenAnswer): Promise<boolean> {
    const { status, headers } = answer;
    if (status === 416) return await this.#takeNothing(headers);
    const packing = headers.get("content-encoding")?.trim().toLowerCase() ?? "";
    const isPacked = packing !== "" && packing !== "identity";
    const format = PACKINGS.get(packing);
    if (isPacked && format === undefined) {
      throw this.#odd(`it is packed as "${packing}", which was not asked for`);
    }
    const range = status === 206 ? this.#rangeOf(headers) : undefined;
    if (range !== undefined && isPacked) {
      this.#sendsParts = false; // a part of a packed file is none of the file
      return false;
    }
    const length = isPacked ? null : headers.get("content-length");
    const total = range === undefined ? length === null ? undefined : Number(length) : range.total;
    if ((total ?? 0) > MAX_BYTES) throw this.#tooLarge(total);
    const { start = 0 } = range ?? {};
    if (range !== undefined && start !== this.part.size) {
      throw this.#odd(`it sends the bytes from ${start} on, not from ${this.part.size}`);
    }
    const chunks = format === undefined
      ? answer.body
      : unpackedChunks(answer.body, format, (reason) => this.#odd(reason));
    const body = await unlessEmpty(chunks);
    if (body === undefined) throw this.#odd("its body is empty");
    if (start === 0) this.#refusePage(body.first); // before it costs what is kept
    await this.#noteSource(headers, total);
    if (start > this.part.size) return false; // the file has changed
    if (range === undefined && this.part.size > 0) this.#tellOfWhole();
    try {
      await this.#keep(body, start, range?.end);
    } catch (error) {
      // A host may tell a wrong length, and the whole file come all the same.
      const isWhole = error instanceof HttpError && await this.part.md5() === this.download.md5;
      if (!isWhole) throw error;
      return true;
    }
    if (range === undefined) return true;
    return range.total !== undefined && this.part.size >= range.total;
  }

  /** Keeps of a body whose first byte is the file's byte `start` what is new; `end` is its last one. */
  async #keep(
    body: AsyncIterable<Uint8Array>,
    start: number,
    end: number | undefined,
  ): Promise<void> {
    const { part, run } = this;
    let at = start;
    for await (const chunk of body) {
      const rest = end === undefined ? Infinity : Math.max(0, end + 1 - at);
      const fresh = chunk.subarray(Math.max(0, part.size - at), rest);
      at += chunk.length;
      if (part.size + fresh.length > MAX_BYTES) throw this.#tooLarge();
      await part.append(fresh);
      run.stats.detail = `${mb(at)} of ${this.#total === undefined ? "?" : mb(this.#total)} MB`;
    }
  }

  #refusePage(start: Uint8Array): void {
    const kind = otherKind(start);
    if (kind === undefined) return;
    throw new SetupError(
      `Cannot use ${this.download.url}: it is ${kind}; give the address of the file itself, one ` +
        "that needs no sign-in",
    );
  }

  /** Takes an answer that says that there is nothing from there on. */
  async #takeNothing(headers: Headers): Promise<boolean> {
    const total = /^bytes \*\/(\d+)$/.exec(headers.get("content-range") ?? "")?.[1];
    const { size } = this.part;
    if (size === 0) throw this.#odd("it has no such part (status 416)");
    // Without a total the checksum tells whether this is the whole file.
    if (total === undefined || Number(total) === size) return true;
    await this.#beginAgain();
    return false;
  }

  /** Begins again where the file is another one than that which was kept. */
  async #noteSource(headers: Headers, total: number | undefined): Promise<void> {
    const { part, download } = this;
    const known = part.source;
    const source = {
      url: download.url.href,
      etag: headers.get("etag") ?? "",
      lastModified: headers.get("last-modified") ?? "",
    };
    const isOther = (a: string, b: string) => a !== "" && b !== "" && a !== b;
    const isChanged = known !== undefined && this.#believes(known) &&
      (isOther(known.etag, source.etag) || isOther(known.lastModified, source.lastModified));
    const isOtherSize = total !== undefined &&
      total !== (this.#total ?? Math.max(total, part.size));
    if (part.size > 0 && (isChanged || isOtherSize)) await this.#beginAgain();
    this.#total = total;
    await part.setSource(source);
  }

  async #beginAgain(): Promise<void> {
    if (++this.#changes > MAX_CHANGES) throw this.#odd("it has another length each time");
    this.#total = undefined;
    await this.part.clear();
    this.run.warn(
      `${this.download.url} has changed since its first part came: it is fetched from its beginning`,
    );
  }

  /** Says that what is kept comes once more; it is kept, as this answer may break off, too. */
  #tellOfWhole(): void {
    if (this.#toldOfWhole) return;
    this.#toldOfWhole = true;
    this.run.warn(
      `${this.download.url.host} sends no parts of files: it begins again, and ` +
        `${mb(this.part.size)} MB that are here come once more`,
    );
  }

  #rangeOf(headers: Headers): { start: number; end: number; total: number | undefined } {
    const text = headers.get("content-range") ?? "";
    const [, start, end, total] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(text) ?? [];
    if (total === undefined || Number(end) < Number(start)) {
      throw this.#odd(`it does not say which part of the file it is ("${text}")`);
    }
    return {
      start: Number(start),
      end: Number(end),
      total: total === "*" ? undefined : Number(total),
    };
  }

  /** An answer that cannot be used; another one may be better, once. */
  #odd(reason: string): HttpError {
    return httpError("body", this.download.url, reason, { retry: true, tries: 2 });
  }

  #tooLarge(total?: number): SetupError {
    const size = total === undefined ? "" : `${mb(total)} MB, `;
    return new SetupError(`Cannot use ${this.download.url}: ${size}more than ${mb(MAX_BYTES)} MB`);
  }
}

const mb = (bytes: number) => (bytes / 1e6).toFixed(0);

/** Bytes that tell what a file is that is no model. */
const START_BYTES = 512;

/** What a file is that is no model, from its first bytes. */
function otherKind(bytes: Uint8Array): string | undefined {
  const text = new TextDecoder("latin1").decode(bytes.subarray(0, START_BYTES));
  if (/^(\xef\xbb\xbf)?\s*<(!doctype html|html|head|\?xml)/i.test(text)) {
    return "a web page, not a file of weights";
  }
  if (text.startsWith("version https://git-lfs.github.com/")) {
    return "a pointer of Git LFS to the file, not the file";
  }
  return undefined;
}
