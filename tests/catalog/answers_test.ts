import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { CatalogClient } from "../../lib/catalog/client.ts";
import { parseDownloadOptions } from "../../lib/catalog/options.ts";
import { HttpError } from "../../lib/shared/errors.ts";
import { rawServer } from "../helpers/raw_server.ts";

/** A page of one record, in which other JSON takes the place of the title and the total. */
function pageOf(title = '"Ålesund æøå"', total = "60"): string {
  return `{"page":{"size":2,"totalElements":${total},"number":0},"_links":{"next":{"href":"/x"}},` +
    `"_embedded":{"items":[{"id":"a","metadata":{"title":${title}}}]}}`;
}

const latin1 = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

function utf16(text: string, isBigEndian = false): Uint8Array<ArrayBuffer> {
  const bytes = new DataView(new ArrayBuffer(2 * text.length));
  for (let i = 0; i < text.length; i++) bytes.setUint16(2 * i, text.charCodeAt(i), !isBigEndian);
  return new Uint8Array(bytes.buffer);
}

/** An answer, sent as it stands. */
interface Answer {
  readonly type?: string;
  readonly body: string | Uint8Array<ArrayBuffer>;
  readonly headers?: string;
  readonly status?: string;
}

/** What a client makes of an answer that comes whenever it asks. */
async function ask({ type, body, headers = "", status = "200 OK" }: Answer) {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  let requests = 0;
  await using server = await rawServer((socket) => {
    requests++;
    socket.write(
      `HTTP/1.1 ${status}\r\ncontent-length: ${bytes.length}\r\nconnection: close\r\n` +
        `${headers}${type === undefined ? "" : `content-type: ${type}\r\n`}\r\n`,
    );
    socket.end(bytes);
  });
  const options = parseDownloadOptions(["--base-url", server.url, "--delay", "0", "-r", "3"]);
  const client = new CatalogClient(options, { signal: new AbortController().signal });
  const result = await client.page(server.url).catch((error) => error);
  return { result, requests };
}

/** The title of the first record of an answer, and its total. */
async function taken(answer: Answer) {
  const { result, requests } = await ask(answer);
  assert.ok(!(result instanceof Error), String(result));
  const { items: [item], totalElements, size } = result;
  return { title: item.metadata.title, totalElements, size, requests };
}

/** The error that an answer ends with. */
async function refused(answer: Answer): Promise<{ error: HttpError; requests: number }> {
  const { result: error, requests } = await ask(answer);
  assert.ok(error instanceof HttpError, JSON.stringify(error));
  return { error, requests };
}

Deno.test("CatalogClient.page() reads UTF-8, or else the charset that is declared", async () => {
  const title = "Ålesund æøå";
  const page = pageOf();
  const cases: [type: string | undefined, body: Uint8Array<ArrayBuffer> | string][] = [
    [undefined, page],
    ["application/hal+json;charset=UTF-8", page],
    ["application/json", `\ufeff${page}`],
    ["application/json;charset=ISO-8859-1", latin1(page)],
    ['application/json; charset="windows-1252"', latin1(page)],
    ["application/json; Charset=latin1; q=1", latin1(page)],
    ["application/json;charset=ISO-8859-1", page], // it is UTF-8, whatever it says
    ["application/json;charset=utf-16le", utf16(page)],
    ["application/json", utf16(`\ufeff${page}`)],
    ["application/json", utf16(`\ufeff${page}`, true)],
  ];
  for (const [type, body] of cases) {
    const read = await taken({ ...type !== undefined && { type }, body });
    assert.deepEqual([read.title, read.requests], [title, 1], String(type));
  }
  const euro = Uint8Array.from(latin1(pageOf('"5 \x80"')));
  const type = "application/json;charset=windows-1252";
  assert.equal((await taken({ type, body: euro })).title, "5 €");
});

Deno.test("CatalogClient.page() takes no text that is not what it says, and asks twice", async () => {
  const bytes = latin1(pageOf());
  const cases: [type: string, body: Uint8Array<ArrayBuffer>, reason: string][] = [
    ["application/json", bytes, "its text is not UTF-8"],
    ["application/json;charset=utf-8", bytes, "its text is not UTF-8"],
    ["application/json;charset=us-x", bytes, "its text is not UTF-8, nor us-x, as it says"],
    [
      "application/json;charset=Shift_JIS",
      Uint8Array.from([...bytes, 0x81, 0xff]),
      "its text is not UTF-8, nor shift_jis, as it says",
    ],
    // Surrogates, a form too long, and a character cut short.
    ["application/json", latin1(pageOf('"\xed\xa0\x80"')), "its text is not UTF-8"],
    ["application/json", latin1(pageOf('"\xc0\xaf"')), "its text is not UTF-8"],
    ["application/json", latin1(pageOf('"a\xc3"')), "its text is not UTF-8"],
  ];
  for (const [type, body, reason] of cases) {
    const { error, requests } = await refused({ type, body });
    assert.ok(error.message.endsWith(`: ${reason}`), error.message);
    assert.deepEqual([error.code, requests], ["encoding", 2], type);
  }
});

Deno.test("CatalogClient.page() keeps a replacement character that the catalogue has", async () => {
  assert.equal((await taken({ body: pageOf('"\ufffd"') })).title, "\ufffd");
});

Deno.test("CatalogClient.page() reads a page with status 203, or of several gzip files", async () => {
  assert.equal((await taken({ body: pageOf(), status: "203 Copied" })).title, "Ålesund æøå");
  const bytes = new TextEncoder().encode(pageOf());
  const body = new Uint8Array([
    ...gzipSync(bytes.subarray(0, 99)),
    ...gzipSync(bytes.subarray(99)),
  ]);
  const { title, requests } = await taken({ body, headers: "content-encoding: gzip\r\n" });
  assert.deepEqual([title, requests], ["Ålesund æøå", 2]);
});

Deno.test("CatalogClient.page() says plainly that it takes no folded headers, and asks twice", async () => {
  const { error, requests } = await refused({
    body: pageOf(),
    headers: "x-policy: a;\r\n\tb;\r\n",
  });
  assert.match(error.message, /a header of its answer cannot be read: it may be folded over/);
  assert.equal(requests, 2);
});

Deno.test("CatalogClient.page() reads numbers that are written as texts", async () => {
  for (const total of ["60", '"60"', '" 60 "', "60.0", '"60.0"', "6e1"]) {
    assert.equal((await taken({ body: pageOf('""', total) })).totalElements, 60, total);
  }
  const body = pageOf().replace('"size":2', '"size":"2"').replace('"number":0', '"number":"0"');
  assert.equal((await taken({ body })).size, 2);
});

Deno.test("CatalogClient.page() takes one of several next links", async () => {
  const body = pageOf().replace('{"href":"/x"}', '[{"name":"next"},{"href":"/x"}]');
  const { result } = await ask({ body });
  assert.match(result.next, /^http:\/\/127\.0\.0\.1:\d+\/x$/);
});

/** What libraries say, and people do not. */
const RAW_WORDS = new RegExp(
  [
    "Unexpected|Unterminated|Expected|Invalid input|invalid_type|SyntaxError|TypeError|RangeError",
    "ZodError|JSON at position|is not valid JSON|undefined|NaN|\\[object|E[A-Z]{4,}|os error",
    "error (sending|decoding|reading|trying)|client error|hyper|tls handshake|InvalidContentType",
    "message completed|parsed|fetch failed|socket hang up|stack|byte(s)? sequence|DataView",
  ].join("|"),
);

Deno.test("CatalogClient.page() says in one plain line what is wrong with any answer", async () => {
  const ok = "200 OK";
  const page = pageOf();
  const cases: [answer: Answer, reason: RegExp][] = [
    [{ body: "" }, /: it is empty$/],
    [{ body: "<!DOCTYPE html>\n<html>" }, /: it is not JSON \(it begins with "<!DOCTYPE html>"\)$/],
    [{ body: "Service\nbusy" }, /: it is not JSON \(it begins with "Service busy"\)$/],
    [{ body: page.slice(0, -1) }, /: it is not JSON \(it ends too early\)$/],
    [{ body: page.slice(0, 150) }, /: it is not JSON \(it ends too early\)$/],
    [{ body: page.replace(":60,", ':60;"') }, /: it is not JSON \(wrong from "[^\n]{1,50}" on\)$/],
    [{ body: page.replace('"a"', "a") }, /: it is not JSON \(wrong near "[^\n]{1,50}"\)$/],
    [{ body: "[]" }, /: it is not a page of results \(it is a list\)$/],
    [
      { body: "null" },
      /: it is not a page of results \(it is null\)$/,
    ],
    [{ body: "{}" }, /: it is not a page of results \(it has no "page"\)$/],
    [{ body: '{"error":"busy"}' }, /\(it has no "page"\)$/],
    [{ body: '{"page":[]}' }, /\(its "page" is a list\)$/],
    [{ body: '{"page":{}}' }, /\(it has no "page\.totalElements"\)$/],
    [{ body: pageOf('""', '"many"') }, /"page\.totalElements" is "many", not a whole number\)$/],
    [{ body: pageOf('""', "-1") }, /"page\.totalElements" is -1, not a whole number\)$/],
    [{ body: pageOf('""', "null") }, /"page\.totalElements" is null, not a whole number\)$/],
    [{ body: pageOf('""', "1e400") }, /"page\.totalElements" is 1e400, not a whole number\)$/],
    [
      { body: '{"page":{"totalElements":1},"_embedded":{"items":{}}}' },
      /"_embedded\.items" is an object, not a list\)$/,
    ],
    [{ body: '{"page":{"totalElements":1},"_embedded":3}' }, /\(its "_embedded" is 3\)$/],
    [{ body: page, status: "404 Not Found" }, /: status 404 \(not found\)$/],
    [{ body: page, status: "301 Moved" }, /: status 301$/],
    [{ body: page, headers: "content-encoding: gzip\r\n" }, /: its body cannot be unpacked: /],
    [{ body: page, headers: "content-encoding: zstd\r\n" }, /: its body is packed as "zstd", /],
    [{ body: page, headers: "no colon\r\n" }, /: a header of its answer cannot be read: /],
    [{ body: page, headers: "content-length: 3\r\n" }, /: its answer tells two lengths, /],
    [{ body: page, status: "OK" }, /: the status of its answer cannot be read$/],
    [{ body: page, status: "302 Found", headers: "location: http://[\r\n" }, /is no address$/],
    [{ body: latin1("\x1f\x8b\x08\0"), status: ok }, /: its text is not UTF-8$/],
  ];
  await Promise.all(cases.map(async ([answer, reason]) => {
    const { error } = await refused(answer);
    const what = `${JSON.stringify(answer)}: ${error.message}`;
    assert.match(error.message, reason, what);
    assert.match(error.message, /^Cannot (get|read) [^\n\r]{1,300}$/, what);
    assert.doesNotMatch(error.message, RAW_WORDS, what);
  }));
});
