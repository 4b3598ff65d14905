import assert from "node:assert/strict";
import { join } from "node:path";
import { ROOT } from "../helpers/run_task.ts";
import { walkFiles } from "../helpers/walk_files.ts";
import { smallApi } from "./small_api.ts";

Deno.test("the description fits what is answered, and its page loads nothing of other hosts", async () => {
  await using api = await smallApi();
  const { json } = await api.ask("/openapi.json");
  assert.equal(json.openapi, "3.1.0");
  const similar = json.paths["/similarity/{index}/id"].post;
  const size = similar.parameters.find(({ name }: { name: string }) => name === "size");
  assert.deepEqual(size.schema, { default: 100, type: "integer", minimum: 1, maximum: 1000 });
  assert.deepEqual(similar.requestBody.content["application/json"].schema.required, ["value"]);
  const names = Object.keys(json.paths);
  for (const path of ["/health", "/text/{index}", "/pictures/{index}/{id}", "/metrics"]) {
    assert.ok(names.includes(path), path);
  }
  assert.doesNotMatch(JSON.stringify(json), /\$defs/);
  for (const [, name] of JSON.stringify(json).matchAll(/#\/components\/schemas\/(\w+)/g)) {
    assert.ok(json.components.schemas[name!].type !== undefined, name!);
  }
  const docs = await api.ask("/docs");
  assert.match(docs.headers.get("content-security-policy")!, /default-src 'none'/);
  assert.doesNotMatch(docs.text, /<script|https?:\/\/|<img/);
  for (const path of names) assert.ok(docs.text.includes(path), path);
});

Deno.test("the page and its files are served with a strict policy", async () => {
  await using api = await smallApi();
  const page = await api.ask("/?index=images.knn&q=x");
  assert.equal(page.headers.get("content-type"), "text/html; charset=utf-8");
  assert.equal(
    page.headers.get("content-security-policy"),
    "default-src 'none'; script-src 'self'; style-src 'self'; " +
      "img-src 'self' blob: https://www.nb.no; connect-src 'self'; base-uri 'none'; " +
      "form-action 'none'; frame-ancestors 'none'",
  );
  assert.equal(page.headers.get("x-content-type-options"), "nosniff");
  assert.ok(page.headers.has("referrer-policy"));
  const script = await api.ask("/page/app.js");
  assert.deepEqual(
    [script.status, script.headers.get("content-type")],
    [200, "text/javascript; charset=utf-8"],
  );
  const head = await api.ask("/", { method: "HEAD" });
  assert.deepEqual([head.status, head.text], [200, ""]);
});

Deno.test("each file of the page is served as it is, and index.html names it", async () => {
  await using api = await smallApi();
  const dir = join(ROOT, "lib/serve/page");
  const html = (await api.ask("/")).text;
  assert.equal(html, await Deno.readTextFile(join(dir, "index.html")));
  const files = (await Array.fromAsync(walkFiles(dir))).filter((name) => name !== "index.html");
  assert.ok(files.length > 20);
  for (const name of files) {
    const { status, text } = await api.ask(`/page/${name}`);
    assert.equal(status, 200, name);
    assert.equal(text, await Deno.readTextFile(join(dir, name)), name);
    if (name !== "docs.css") assert.ok(html.includes(`"page/${name}"`), name);
  }
});
