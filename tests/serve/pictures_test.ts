import assert from "node:assert/strict";
import { join } from "node:path";
import { testApi } from "../helpers/api.ts";
import { symlink } from "../helpers/files.ts";
import { ROOT } from "../helpers/run_task.ts";
import { fillIndex, smallItems } from "../helpers/small_index.ts";
import { tempDir } from "../helpers/temp_dir.ts";

const PHOTO = join(ROOT, "tests/fixtures/photos/skl_china.jpg");
const HREF = "https://www.nb.no/services/image/resolver/URN:1/full/{width},{height}/0/native.jpg";

/** An index with odd ids and thumbnails, beside a folder of pictures. */
async function open() {
  const dir = await tempDir();
  const documents = [
    { id: "plain" },
    { id: "norwegian", access: "norway" },
    { id: "deep" },
    { id: "capital" },
    { id: "grouped", access: "nb" },
    { id: "leaves" },
    { id: "page" },
    { id: "../secret" },
    { id: "absent", thumbnail: HREF },
    { id: "foreign", thumbnail: "https://evil.example/x.jpg" },
    { id: "script", thumbnail: "javascript:alert(1)" },
    { id: "signed", thumbnail: "https://me@www.nb.no/x.jpg" },
  ];
  const items = smallItems(documents.length).map((item, i) => ({
    ...item,
    document: { ...item.document, access: "everywhere", thumbnail: "", ...documents[i] },
  }));
  await fillIndex(join(dir.path, "index"), "x", items);
  const images = join(dir.path, "images");
  for (const folder of ["norway", "a/b/c", "NB"]) {
    await Deno.mkdir(join(images, folder), { recursive: true });
  }
  for (
    const file of ["plain.jpg", "norway/norwegian.jpg", "a/b/c/deep.jpg", "../secret.jpg"]
      .concat("a/capital.JPG", "NB/grouped.jpeg")
  ) {
    await Deno.copyFile(PHOTO, join(images, file));
  }
  await symlink(join(dir.path, "secret.jpg"), join(images, "leaves.jpg"));
  await Deno.writeTextFile(join(images, "page.jpg"), "<html><script>alert(1)</script>");
  const api = testApi(join(dir.path, "index"), { imagesDir: images });
  const ask = (id: string, headers: Record<string, string> = {}) =>
    api.ask(`/pictures/x/${encodeURIComponent(id)}`, { headers });
  return {
    ask,
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
}

Deno.test("a picture is found in the folder, in its access group's, and further below", async () => {
  await using pictures = await open();
  const { size } = await Deno.stat(PHOTO);
  for (const id of ["plain", "norwegian", "deep", "deep", "capital", "grouped"]) {
    const { status, headers } = await pictures.ask(id);
    assert.equal(status, 200, id);
    assert.equal(headers.get("content-type"), "image/jpeg");
    assert.equal(headers.get("content-length"), String(size));
    assert.match(headers.get("cache-control")!, /max-age=/);
    const etag = headers.get("etag")!;
    assert.equal((await pictures.ask(id, { "if-none-match": etag })).status, 304);
    assert.equal((await pictures.ask(id, { "if-none-match": '"other"' })).status, 200);
  }
});

Deno.test("of pictures in several groups' folders that of the document's own access is taken", async () => {
  await using dir = await tempDir();
  const [item] = smallItems(1);
  const document = { ...item!.document, id: "a", access: "nb" };
  await fillIndex(join(dir.path, "index"), "x", [{ ...item!, document }]);
  const photo = await Deno.readFile(PHOTO);
  const files = ["everywhere/a.jpg", "NB/a.jpg", "a.jpg"];
  for (const [i, file] of files.entries()) {
    await Deno.mkdir(join(dir.path, "images", file, ".."), { recursive: true });
    await Deno.writeFile(join(dir.path, "images", file), photo.subarray(0, photo.length - i));
  }
  await using api = testApi(join(dir.path, "index"), { imagesDir: join(dir.path, "images") });
  const { headers } = await api.ask("/pictures/x/a");
  assert.equal(headers.get("content-length"), String(photo.length - 1));
});

Deno.test("pictures that are asked for at once are found, whatever folders they are in", async () => {
  await using dir = await tempDir();
  const items = smallItems(40);
  await fillIndex(join(dir.path, "index"), "x", items);
  const images = join(dir.path, "images");
  for (const { document: { id } } of items) {
    await Deno.mkdir(join(images, `week-${id}`), { recursive: true });
    await Deno.copyFile(PHOTO, join(images, `week-${id}`, `${id}.jpg`));
  }
  await using api = testApi(join(dir.path, "index"), { imagesDir: images });
  for (let round = 0; round < 3; round++) {
    const answers = items.map(({ document: { id } }) => api.ask(`/pictures/x/${id}`));
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    assert.deepEqual(statuses, Array(items.length).fill(200));
  }
});

Deno.test("nothing outside the folder is a picture, and no file that is none", async () => {
  await using pictures = await open();
  for (const id of ["leaves", "../secret", "page", "none"]) {
    const { status, json } = await pictures.ask(id);
    assert.equal(status, 404, id);
    assert.ok(json.error);
  }
});

Deno.test("a picture that is not here is looked for at the catalogue's hosts only", async () => {
  await using pictures = await open();
  const { status, headers } = await pictures.ask("absent");
  assert.equal(status, 302);
  assert.equal(
    headers.get("location"),
    "https://www.nb.no/services/image/resolver/URN:1/full/0,400/0/native.jpg",
  );
  for (const id of ["foreign", "script", "signed"]) {
    const told = await pictures.ask(id);
    assert.equal(told.status, 404, id);
    assert.equal(told.headers.get("location"), null);
  }
});
