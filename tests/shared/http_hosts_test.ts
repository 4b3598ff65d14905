import assert from "node:assert/strict";
import { client, failure, noAnswer, serve } from "../helpers/http_server.ts";
import { until } from "../helpers/until.ts";
import { rawServer } from "../helpers/raw_server.ts";

const redirect = (location: string) => new Response(null, { status: 302, headers: { location } });

Deno.test("HttpClient.get() follows a redirect within its hosts", async () => {
  await using server = serve(({ url }) =>
    url.endsWith("/a") ? redirect("/b/../c") : new Response("done")
  );
  const { http, waits } = client(server.host);
  assert.equal((await http.get(`${server.url}a`)).url, `${server.url}c`);
  assert.deepEqual([server.requests, waits], [["/a", "/c"], []]);
});

Deno.test("HttpClient.get() follows a redirect to another host that is allowed", async () => {
  await using other = serve(() => new Response("done"));
  await using server = serve(() => redirect(other.url));
  const { http } = client(server.host, { hosts: [server.host, other.host] });
  assert.equal((await http.get(server.url)).url, other.url);
});

Deno.test("HttpClient.get() never asks a host that is not allowed", async () => {
  await using other = serve(() => new Response("secret"));
  await using server = serve(() => redirect(other.url));
  const { http } = client(server.host);
  const before = await failure(http.get(other.url));
  assert.equal(before.code, "host_not_allowed");
  assert.equal(before.message, `Cannot get ${other.url}: its host is not among ${server.host}`);
  const after = await failure(http.get(server.url));
  assert.equal(after.code, "host_not_allowed");
  assert.ok(after.message.includes(`(redirected from ${server.url})`), after.message);
  assert.deepEqual([other.requests, server.requests], [[], ["/"]]);
});

Deno.test("HttpClient.get() refuses redirects that leave http, end nowhere or never end", async () => {
  const cases: [location: string, code: string, requests: number][] = [
    ["file:///etc/passwd", "host_not_allowed", 1],
    ["data:text/plain,x", "host_not_allowed", 1],
    ["//example.invalid/", "host_not_allowed", 1],
    ["http://[", "redirect", 1],
    ["/", "redirect", 6],
  ];
  for (const [location, code, requests] of cases) {
    await using server = serve(() => redirect(location));
    const error = await failure(client(server.host).http.get(server.url));
    assert.deepEqual([error.code, server.requests.length], [code, requests], location);
  }
});

for (const port of ["", ":99999"]) {
  const what = port === "" ? "with a password" : "with a password and a bad port";
  Deno.test(`HttpClient.get() refuses a URL ${what}, and never prints it`, async () => {
    await using server = serve(({ url }) =>
      redirect(new URL(url).pathname.slice(1).replace("HOST", `user:hunter2@127.0.0.1${port}/`))
    );
    const { http } = client(server.host);
    const host = port === "" ? server.host : `127.0.0.1${port}`;
    for (const url of [`http://user:hunter2@${host}/`, `${server.url}http://HOST`]) {
      const error = await failure(http.get(url));
      assert.match(error.code, /^(host_not_allowed|redirect)$/);
      const told = [error.message, JSON.stringify(error.info), String(error.cause)].join(" ");
      assert.ok(!told.includes("hunter2"), told);
    }
    assert.equal(server.requests.length, 1);
  });
}

Deno.test("HttpClient.get() leaves delayMs between the starts of two requests to a host", async () => {
  await using server = serve(({ url }) => url.endsWith("/a") ? redirect("/b") : new Response(""));
  const { http } = client(server.host, { delayMs: 120 });
  const start = performance.now();
  await Promise.all([http.get(`${server.url}a`), http.get(server.url), http.get(server.url)]);
  assert.equal(server.times.length, 4); // the redirect is a request, too
  server.times.forEach((time, n) => {
    // From the client's start on, as the first may be long on its way; timers count whole milliseconds.
    assert.ok(time - start >= n * 120 - 2, `request ${n} after ${time - start} ms`);
  });
});

Deno.test("HttpClient.get() lets a request to one host pass those that wait for another", async () => {
  await using server = serve(() => new Response("one"));
  await using other = serve(() => new Response("other"));
  const abort = new AbortController();
  const { http } = client(server.host, {
    signal: abort.signal,
    delayMs: 5000,
    hosts: [server.host, other.host],
  });
  await http.get(server.url);
  const second = http.get(server.url);
  const first = await Promise.race([second, http.get(other.url)]);
  assert.equal(first.url, other.url);
  abort.abort(); // not worth the time of a test
  await assert.rejects(second, { name: "AbortError" });
});

Deno.test("HttpClient.get() does not count the wait for its turn as time of the request", async () => {
  await using server = serve(() => new Response("done"));
  const { http } = client(server.host, { delayMs: 1500, timeoutMs: 1000, retries: 0 });
  const answers = await Promise.all([http.get(server.url), http.get(server.url)]);
  assert.equal(answers.length, 2);
});

Deno.test("HttpClient.get() ends at once when it is interrupted, whatever it waits for", async () => {
  await using server = serve((request) => {
    if (request.url.endsWith("/late")) return noAnswer(request);
    const status = request.url.endsWith("/busy") ? 503 : 200;
    return new Response("", { status, headers: { "retry-after": "3600" } });
  });
  for (const path of ["late", "busy", "turn"] as const) {
    const abort = new AbortController();
    // Whatever it waits for takes a minute at least.
    const minute = { delayMs: 60_000, timeoutMs: 60_000 };
    const { http, waits } = client(server.host, { signal: abort.signal, ...minute });
    if (path === "turn") await http.get(server.url);
    const before = server.requests.length;
    let ending: string | undefined;
    http.get(server.url + path).then(() => ending = "done", (error) => ending = error.name);
    const isWaiting = {
      late: () => server.requests.length > before,
      busy: () => waits.length > 0,
      turn: () => true,
    };
    await until(isWaiting[path], `The wait of "${path}"`);
    abort.abort(new DOMException("interrupted", "AbortError"));
    assert.equal(await until(() => ending, `The end of "${path}"`, 30), "AbortError", path);
    assert.equal(server.requests.length - before, path === "turn" ? 0 : 1, path);
  }
});

Deno.test("HttpClient.get() sends nothing once it is interrupted", async () => {
  await using server = serve(() => new Response("done"));
  const { http } = client(server.host, { signal: AbortSignal.abort() });
  await assert.rejects(http.get(server.url), { name: "AbortError" });
  assert.deepEqual(server.requests, []);
});

/** An answer that sets cookies and redirects. */
function redirectWith(location: string, ...cookies: string[]): Response {
  const headers = new Headers({ location });
  for (const cookie of cookies) headers.append("set-cookie", cookie);
  return new Response(null, { status: 302, headers });
}

Deno.test("HttpClient.get() keeps a cookie for the redirects of one request, and forgets it", async () => {
  const sent: (string | null)[] = [];
  await using server = serve(({ headers }) => {
    sent.push(headers.get("cookie"));
    if (headers.has("cookie")) return new Response("done");
    return redirectWith("/", "seen=1; Path=/; HttpOnly; Max-Age=60", "id=a=b; SameSite=Lax");
  });
  const { http } = client(server.host);
  for (let n = 0; n < 2; n++) await http.get(server.url);
  assert.deepEqual(sent, [null, "seen=1; id=a=b", null, "seen=1; id=a=b"]);
});

Deno.test("HttpClient.get() takes the last value of a cookie, and no odd or secure one", async () => {
  const sent: (string | null)[] = [];
  const cookies = [
    ...["step=1", "", "=x", "novalue", "step=2; path=/x", "safe=1; Secure", "far=1; domain=.org"],
    ...["bj\u00f8rn=1", `long=${"a".repeat(5000)}`],
  ];
  await using server = serve(({ headers, url }) => {
    sent.push(headers.get("cookie"));
    return url.endsWith("/b") ? new Response("done") : redirectWith("/b", ...cookies);
  });
  await client(server.host).http.get(`${server.url}a`);
  assert.deepEqual(sent, [null, "step=2; far=1"]);
});

Deno.test("HttpClient.get() sends no cookie to another host, and back to its own", async () => {
  const sent: string[] = [];
  const note = (name: string, { headers }: Request) => {
    sent.push(`${name} ${headers.get("cookie")}`);
  };
  let back = "";
  await using other = serve((request) => {
    note("other", request);
    return redirectWith(back, "other=1");
  });
  await using server = serve((request) => {
    note("server", request);
    return request.url.endsWith("/b")
      ? new Response("done")
      : redirectWith(other.url, "secret=1; Domain=127.0.0.1");
  });
  back = `${server.url}b`;
  const { http } = client(server.host, { hosts: [server.host, other.host] });
  await http.get(server.url);
  assert.deepEqual(sent, ["server null", "other null", "server secret=1"]);
});

Deno.test("HttpClient.get() follows five redirects with ever new cookies, and no more", async () => {
  await using server = serve((_, n) => redirectWith("/", `n${n}=1`));
  const error = await failure(client(server.host).http.get(server.url));
  assert.equal(error.message, `Cannot get ${server.url}: more than 5 redirects`);
  assert.equal(server.requests.length, 6);
});

Deno.test("HttpClient.get() asks for the bytes that a Location header has", async () => {
  const bytesOf = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
  const cases: [location: string | Uint8Array, path: string][] = [
    [
      new TextEncoder().encode("/pic/Ålesund 中.jpg?q=æ"),
      "/pic/%C3%85lesund%20%E4%B8%AD.jpg?q=%C3%A6",
    ],
    [bytesOf("/pic/\u00c5lesund.jpg"), "/pic/%C5lesund.jpg"],
    ["/pic/%C3%85lesund.jpg", "/pic/%C3%85lesund.jpg"],
  ];
  for (const [location, path] of cases) {
    let asked: string | undefined;
    await using server = await rawServer((socket, request) => {
      asked = / (\S+) /.exec(request)![1]!;
      if (asked !== "/") {
        socket.end("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        return;
      }
      socket.write("HTTP/1.1 302 Found\r\ncontent-length: 0\r\nconnection: close\r\nlocation: ");
      socket.write(location);
      socket.end("\r\n\r\n");
    });
    const { url } = await client(server.host).http.get(server.url);
    assert.deepEqual([asked, new URL(url).pathname + new URL(url).search], [path, path]);
  }
});
