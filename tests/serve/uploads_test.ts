import assert from "node:assert/strict";
import { join } from "node:path";
import { decodeNpy } from "../../lib/vectors/npy.ts";
import { told } from "../helpers/api.ts";
import { importEncoder } from "../helpers/encoder.ts";
import { ROOT } from "../helpers/run_task.ts";
import { type ServeTask, startServe } from "../helpers/serve_task.ts";
import { fillIndex, smallItems } from "../helpers/small_index.ts";
import { tempDir } from "../helpers/temp_dir.ts";
import { until } from "../helpers/until.ts";
import { documentOf, itemsOf } from "../index/contract.ts";

const FIXTURES = join(ROOT, "tests/fixtures");
const read = (path: string) => Deno.readFile(join(FIXTURES, path));
/** Pictures whose vectors are bundled, made by onnxruntime in Python. */
const KNOWN = ["ski_rocket.jpg", "nikola_frontispiece.jpg"];
/** The encoder's vectors. */
const DIMS = 12;

/** A server with a small encoder, over an index of its vectors and one of another model's. */
async function open() {
  const dir = await tempDir();
  const model = await importEncoder(dir.path);
  const items = itemsOf(20, DIMS);
  for (const name of KNOWN) {
    const vector = decodeNpy(await read(`models/${name}.npy`));
    items.push({ document: documentOf(name), vector });
  }
  const indexDir = join(dir.path, "index");
  await fillIndex(indexDir, "pictures", items, "encoder");
  await fillIndex(indexDir, "others", items, "another");
  await fillIndex(indexDir, "longer", smallItems(3));
  const server = await startServe(["--index-dir", indexDir, "--model", model]);
  const send = async (body: BodyInit, path = "pictures/image?size=3") =>
    await told(await fetch(`${server.url}/similarity/${path}`, { method: "POST", body }));
  const sendAs = async (type: string, body: string) => {
    const headers = { "content-type": type };
    const url = `${server.url}/similarity/pictures/image`;
    return await told(await fetch(url, { method: "POST", headers, body }));
  };
  return {
    server,
    send,
    sendAs,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
}

/** Begins an upload of so many bytes, sends one of them, and leaves it at that. */
async function begin(server: ServeTask, length: number): Promise<Deno.TcpConn> {
  const { hostname, port } = new URL(server.url);
  const connection = await Deno.connect({ hostname, port: Number(port) });
  const head = `POST /similarity/pictures/image HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}`;
  await connection.write(new TextEncoder().encode(`${head}\r\n\r\n\xff`));
  return connection;
}

async function running(server: ServeTask): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return Number(/^maken_requests_running (\d+)$/m.exec(text)![1]) - 1;
}

Deno.test("an uploaded picture finds itself, as a body and in a form", async () => {
  await using api = await open();
  for (const name of KNOWN) {
    const file = await read(`photos/${name}`);
    const raw = await api.send(file);
    assert.equal(raw.status, 200, raw.text);
    assert.equal(raw.json[0]._id, name);
    assert.ok(raw.json[0].fields.similarity[0] > 0.9999, raw.text);
    const form = new FormData();
    form.set("note", "no file");
    form.set("other", new Blob([await read("photos/ski_coffee.png")]), "other.png");
    form.set("image", new Blob([file]), "any name");
    assert.deepEqual((await api.send(form)).json, raw.json);
    form.delete("image");
    assert.notDeepEqual((await api.send(form)).json, raw.json);
  }
  const { json } = await api.send(
    await read(`photos/${KNOWN[0]}`),
    "pictures/image?size=30&filter=access=everywhere&scale_from=min,max&scale_to=0,9&fields=title",
  );
  assert.equal(json.length, 22);
  assert.deepEqual([json[0].fields.scaled[0], json[21].fields.scaled[0]], [9, 0]);
});

Deno.test("pictures of all kinds are taken; what is none is refused with the reason", async () => {
  await using api = await open();
  const kinds = ["cmyk.jpg", "plain.tif", "gray16.tif", "plain.gif", "palette.png"];
  for (const name of [...kinds, "webp_lossless.webp", "progressive.jpg"]) {
    const { status, text } = await api.send(await read(`pictures/${name}`));
    assert.equal(status, 200, `${name}: ${text}`);
  }
  const photo = await read(`photos/${KNOWN[0]}`);
  const broken: [Uint8Array<ArrayBuffer> | string, RegExp][] = [
    ["", /empty/],
    ["<svg xmlns='http://www.w3.org/2000/svg'/>", /not a picture/],
    [photo.subarray(0, photo.length / 2), /picture/],
    [photo.subarray(0, 20), /picture/],
  ];
  for (const [body, reason] of broken) {
    const { status, json } = await api.send(body);
    assert.equal(status, 422);
    assert.match(json.error, reason);
  }
  for (const body of ["", "--b", "--b\r\n\r\n", "--b--", "--b\r\n".repeat(1000)]) {
    assert.equal((await api.sendAs("multipart/form-data; boundary=b", body)).status, 422);
  }
  const body = '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n'.repeat(200) + "--b--";
  for (
    const type of ["boundary=b", 'a="; boundary=c"; boundary=b', "boundary=b,c", "boundary=b ;a"]
  ) {
    const { status, json } = await api.sendAs(`multipart/form-data; ${type}`, body);
    assert.equal(status, 422);
    assert.match(json.error, /more than 100 parts|not a whole/, type);
  }
  assert.equal((await api.send(photo)).status, 200, "it goes on after all of these");
});

Deno.test("an index of another model is not searched by a picture", async () => {
  await using api = await open();
  const photo = await read(`photos/${KNOWN[0]}`);
  const other = await api.send(photo, "others/image");
  assert.equal(other.status, 422);
  assert.match(other.json.error, /model "another", not of "encoder": "--model another"/);
  const longer = await api.send(photo, "longer/image");
  assert.equal(longer.status, 422);
  assert.match(longer.json.error, /16 numbers, and model "encoder" makes 12/);
  const { json } = await told(await fetch(`${api.server.url}/indexes`));
  assert.deepEqual(
    json.map(({ name, uploads }: Record<string, unknown>) => [name, uploads]),
    [["longer", false], ["others", false], ["pictures", true]],
  );
});

Deno.test("a body of more than 20 MB is refused, said beforehand or not", async () => {
  await using api = await open();
  const bytes = new Uint8Array(21e6);
  assert.equal((await api.send(bytes)).status, 413);
  assert.equal((await api.send(new Blob([bytes]).stream())).status, 413);
  assert.equal((await api.send(bytes.subarray(0, 19.9e6))).status, 422);
});

Deno.test("too many uploads at a time are refused; clients that went away leave room", async () => {
  await using api = await open();
  const connections = [];
  for (let i = 0; i < 16; i++) connections.push(await begin(api.server, 1000));
  await until(async () => await running(api.server) === 16, "The start of 16 uploads");
  const photo = await read(`photos/${KNOWN[0]}`);
  const { status, headers, json } = await api.send(photo);
  assert.equal(status, 503);
  assert.match(headers.get("retry-after")!, /^\d+$/);
  assert.match(json.error, /too many/i);
  for (const connection of connections) connection.close();
  await until(async () => await running(api.server) === 0, "The end of all uploads");
  assert.equal((await api.send(photo)).status, 200);
});
