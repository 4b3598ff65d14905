/** What is told of servers that cannot be used. */
import assert from "node:assert/strict";
import { SetupError } from "../../../lib/shared/errors.ts";
import { openServerIndex, type ServerIndexOptions } from "../../../lib/index/server/open_server.ts";
import {
  imageMapping,
  missing,
  newIndex,
  request,
  type Server,
  serverOptions,
  servers,
} from "../../helpers/cluster.ts";
import { serve } from "../../helpers/http_server.ts";
import { skipIf } from "../../helpers/skip.ts";
import { documentOf, randomVectors } from "../contract.ts";

const running = await servers();
const plain = running.get("elasticsearch");
const secure = running.get("elasticsearch-secure");
const opensearch = running.get("opensearch");
const reason = missing(running, "elasticsearch", "elasticsearch-secure", "opensearch");
const test = (name: string, needed: Server | undefined, fn: () => Promise<void>) =>
  Deno.test({
    ...skipIf(needed === undefined ? reason : undefined, `openServerIndex() ${name}`),
    fn,
  });

/** The line that opening ends with; fails if it tries twice, has two lines or holds a secret. */
async function refusal(server: Server, options: Partial<ServerIndexOptions> = {}): Promise<string> {
  const tries: string[] = [];
  const onRetry = ({ message }: Error) => void tries.push(message);
  const all = serverOptions(server, { onRetry, ...options });
  const error = await openServerIndex(all).then(
    async (index) => await index[Symbol.asyncDispose](),
    (error) => error,
  );
  assert.ok(error instanceof SetupError, String(error));
  assert.deepEqual(tries, []);
  for (let e: unknown = error; e instanceof Error; e = e.cause) {
    assert.doesNotMatch(`${e.message} ${JSON.stringify(e)}`, /\n|s3cret|czNjcmV0/);
    for (const secret of [all.password, all.apiKey]) {
      assert.ok(!secret || !`${e.message} ${e.stack}`.includes(secret));
    }
  }
  return error.message;
}

Deno.test("openServerIndex() tells of addresses where no search server is", async () => {
  const closed = serve(() => new Response());
  await closed[Symbol.asyncDispose]();
  const nothing = await refusal({ url: closed.url });
  assert.equal(nothing, `Cannot use http://${closed.host}: connection refused`);
  await using page = serve(() => new Response("<html>", { status: 200 }));
  const url = page.url.replace(/\/$/, "");
  const neither = /what answers is neither Elasticsearch nor OpenSearch/;
  assert.match(await refusal({ url, user: "me", password: "s3cret" }), neither);
  await using moved = serve(() => Response.redirect("http://127.0.0.1:1/login"));
  assert.match(await refusal({ url: moved.url }), neither);
  assert.equal(moved.requests.length, 1);
  const secureUrl = url.replace("http:", "https:");
  const message = `Cannot use ${secureUrl}: it speaks plain http, not https`;
  assert.equal(await refusal({ url: secureUrl }), message);
  await using old = serve(() =>
    Response.json({ version: { number: "7.17.0" } }, {
      headers: { "x-elastic-product": "Elasticsearch" },
    })
  );
  assert.match(await refusal(old), /it is Elasticsearch 7\.17\.0; version 8 or later is needed$/);
});

Deno.test("openServerIndex() tells of names and authorities that cannot be used", async () => {
  const server = { url: "http://127.0.0.1:1" };
  for (const index of ["", "A", "a,b", "*", "-a", "_all", ".x", "a b", "a/b", "http://x"]) {
    assert.match(await refusal(server, { index }), /as the name of an index: it must/);
  }
  assert.match(await refusal({ ...server, ca: "x" }), /not a certificate in PEM text/);
});

test("tells of wrong credentials and of what is not allowed", secure, async () => {
  const url = secure!.url;
  const bad = { ...secure!, password: "s3cret" };
  const wrong = `Cannot use ${url}: wrong user name or password (status 401)`;
  assert.equal(await refusal(bad), wrong);
  const { user: _user, password: _password, ...nobody } = secure!;
  assert.match(await refusal(nobody), /it wants a user name and password, or an API key/);
  assert.match(await refusal(nobody, { apiKey: "czNjcmV0" }), /it does not take the API key/);

  const server = { ...secure!, user: "reader" };
  const mapping = await imageMapping("elasticsearch", 8);
  const index = "test_forbidden";
  const forbidden = await refusal(server, { mapping, index });
  assert.match(
    forbidden,
    /^Cannot create index "test_forbidden": https:\S+ does not allow it \(status 403\): security/,
  );
});

test("loads for one who may not change settings", secure, async () => {
  await using made = await newIndex("elasticsearch-secure", 8);
  const notices: string[] = [];
  await using index = await openServerIndex(serverOptions({ ...secure!, user: "writer" }, {
    index: made.options.index,
    onNotice: (text) => void notices.push(text),
  }));
  await index.beginLoad();
  const [vector] = randomVectors(1, 8);
  const [result] = await index.bulk([{ document: documentOf("a"), vector: vector! }]);
  await index.endLoad();
  assert.ok(result !== undefined && "result" in result);
  assert.equal(await index.count(), 1);
  assert.equal(notices.length, 1);
  assert.match(notices[0]!, /does not allow it .*; loading goes on with the usual settings$/);
});

Deno.test("openServerIndex() sends an API key in place of a user name, and to no other host", async () => {
  const sent: (string | null)[] = [];
  await using server = serve((request) => {
    sent.push(request.headers.get("authorization"));
    return new Response("{}", { status: 404 });
  });
  await refusal(server, { apiKey: "c2VjcmV0", user: "me", password: "s3cret" });
  await refusal(server, { user: "mé", password: "s3cret:ø" });
  await refusal(server);
  const basic = `Basic ${new TextEncoder().encode("mé:s3cret:ø").toBase64()}`;
  assert.deepEqual(sent, ["ApiKey c2VjcmV0", basic, null]);
});

test("tells of the wrong scheme and of a foreign authority", secure, async () => {
  const plainUrl = secure!.url.replace("https:", "http:");
  const message = `Cannot use ${plainUrl}: it speaks https, not plain http`;
  assert.equal(await refusal({ ...secure!, url: plainUrl }), message);
  const { ca: _ca, ...foreign } = secure!;
  assert.match(await refusal(foreign), /of an authority that is not trusted/);
});

test("makes an index only from a mapping of the right kind", plain ?? opensearch, async () => {
  const kinds = ["elasticsearch", "opensearch"] as const;
  for (const [i, server] of [plain, opensearch].entries()) {
    if (server === undefined) continue;
    const kind = kinds[i]!, other = kinds[1 - i]!;
    const index = "test_never_made";
    assert.match(await refusal(server, { index }), /it is not on .* a mapping file is needed/);
    const mapping = await imageMapping(other, 8);
    assert.match(await refusal(server, { index, mode: "read" }), /"deno task ingest" makes it/);
    assert.match(
      await refusal(server, { index, mapping }),
      new RegExp(`use "mappings/${kind}/images.knn.mapping"$`),
    );
    assert.equal((await request(server, "GET", `/${index}`)).status, 404);
  }
});

test(
  "refuses an index that does not fit, unless it is made anew",
  plain ?? opensearch,
  async () => {
    for (const name of ["elasticsearch", "opensearch"] as const) {
      const server = running.get(name);
      if (server === undefined) continue;
      await using made = await newIndex(name, 8);
      const index = made.options.index;
      const mapping = await imageMapping(name, 16);
      const message = await refusal(server, { index, mapping });
      assert.match(message, /its vectors have 8 numbers, and those of mapping file .* have 16/);
      {
        await using anew = await openServerIndex(
          serverOptions(server, { index, mapping, recreate: true }),
        );
        assert.equal(anew.dims, 16);
        await anew.clear();
        const [vector] = randomVectors(1, 16);
        const [result] = await anew.bulk([{ document: documentOf("a"), vector: vector! }]);
        assert.ok("result" in result!);
      }
      await using again = await openServerIndex(serverOptions(server, { index, mode: "read" }));
      assert.equal(again.dims, 16);
      const [other] = [await newIndex(name, 8)];
      await request(server, "DELETE", `/${other.options.index}`);
      const properties = { id: { type: "keyword" } };
      await request(server, "PUT", `/${other.options.index}`, { mappings: { properties } });
      assert.match(await refusal(server, { index: other.options.index }), /no field "vector"/);
      await other[Symbol.asyncDispose]();
    }
  },
);

test("works through an alias, and keeps it when the index is cleared", plain, async () => {
  await using made = await newIndex("elasticsearch", 8);
  const index = `${made.options.index}_alias`;
  await request(plain!, "PUT", `/${made.options.index}/_alias/${index}`);
  await using alias = await openServerIndex(serverOptions(plain!, { index }));
  const [vector] = randomVectors(1, 8);
  await alias.bulk([{ document: documentOf("a"), vector: vector! }]);
  await alias.clear();
  await alias.bulk([{ document: documentOf("b"), vector: vector! }]);
  await alias.refresh();
  assert.equal(await alias.count(), 1);
  assert.equal(await made.index.count(), 1);
  assert.deepEqual((await alias.get("id", "b"))?.vector, vector);
});
