/** The pipeline into each kind of index: found while more comes, and with the rights of today. */
import assert from "node:assert/strict";
import { EmbeddedIndex } from "../../lib/index/embedded/embedded_index.ts";
import { missing, request, servers } from "../helpers/cluster.ts";
import { pipelineIn, recordsOfWeeks } from "../helpers/pipeline.ts";
import { skipIf } from "../helpers/skip.ts";
import { tempDir } from "../helpers/temp_dir.ts";
import { until } from "../helpers/until.ts";

const running = await servers();

/** An index that others can look at while it is loaded. */
interface Place {
  readonly args: readonly string[];
  readonly remove: () => Promise<unknown>;
  /** Whether there is an index, with documents or without. */
  readonly isThere: () => Promise<boolean>;
  /** Documents that can be found. */
  readonly count: () => Promise<number>;
  /** The access that a document tells of. */
  readonly access: (id: string) => Promise<unknown>;
}

function test(title: string, body: (place: (data: string) => Place, dir: string) => Promise<void>) {
  Deno.test(`embedded: ${title}`, async () => {
    await using dir = await tempDir();
    const use = async <T>(data: string, work: (index: EmbeddedIndex) => Promise<T>, none: T) => {
      try {
        await using index = await EmbeddedIndex.open({
          dir: `${data}/index`,
          name: "images.knn",
          mode: "read",
        });
        return await work(index);
      } catch {
        return none; // it is not there yet
      }
    };
    await body((data) => ({
      args: [],
      remove: () => Deno.remove(`${data}/index`, { recursive: true }),
      isThere: () => use(data, async (index) => await index.count() > 0, false),
      count: () => use(data, (index) => index.count(), 0),
      access: (id) =>
        use<unknown>(
          data,
          async (index) => (await index.get("id", id))?.document.access,
          undefined,
        ),
    }), dir.path);
  });
  for (const name of ["elasticsearch", "opensearch"]) {
    Deno.test({
      ...skipIf(missing(running, name), `${name}: ${title}`),
      fn: async () => {
        await using dir = await tempDir();
        const server = running.get(name)!;
        const index = `t${crypto.randomUUID()}`;
        try {
          await body(() => ({
            args: ["--url", server.url, "--index", index],
            remove: () => request(server, "DELETE", `/${index}`),
            isThere: async () => index in await request(server, "GET", `/${index}`),
            count: async () =>
              Number((await request(server, "GET", `/${index}/_count`)).count ?? 0),
            access: async (id) =>
              (await request(server, "GET", `/${index}/_doc/${id}`) as {
                _source?: { access?: unknown };
              })._source?.access,
          }), dir.path);
        } finally {
          await request(server, "DELETE", `/${index}`);
        }
      },
    });
  }
}

test("a record is found while pages that come later are not even sent", async (placeOf, dir) => {
  const { promise: isFound, resolve: found } = Promise.withResolvers<void>();
  await using weekly = await pipelineIn(dir, {
    records: recordsOfWeeks(60, 2),
    intercept: async (_, { pathname, searchParams }) => {
      if (pathname.startsWith("/catalog/") && searchParams.get("page") !== "0") await isFound;
      return undefined;
    },
  });
  const place = placeOf(weekly.data);
  const child = weekly.spawn("--size", "10", ...place.args);
  try {
    await until(async () => await place.count() > 0, "The first document");
  } finally {
    found();
  }
  const { code, stdout, stderr } = await child.output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  assert.equal(JSON.parse(new TextDecoder().decode(stdout)).documents, 60);
});

test(
  "a record that moves has one document, with the right access each time",
  async (placeOf, dir) => {
    const served: unknown[] = [];
    await using weekly = await pipelineIn(dir, { records: served as [] });
    const place = placeOf(weekly.data);
    for (const access of ["NB", "EVERYWHERE", "NORWAY"]) {
      const accessInfo = { accessAllowedFrom: access };
      const [first, ...others] = recordsOfWeeks(3, 1);
      served.splice(0, served.length, { ...first, accessInfo }, ...others);
      const args = ["--every", "week", "--from", "20240101", "--to", "20240107", ...place.args];
      const { code, stderr, json } = await weekly.run(...args);
      assert.equal(code, 0, stderr);
      const found = [json().documents, await place.access("id00000")];
      assert.deepEqual(found, [3, access.toLowerCase()]);
    }
  },
);

test(
  "an index that was deleted is told of, and not made anew with a part",
  async (placeOf, dir) => {
    await using weekly = await pipelineIn(dir, { records: recordsOfWeeks(8, 2) });
    const place = placeOf(weekly.data);
    const args = ["--every", "week", "--from", "20240101", "--to", "20240114", ...place.args];
    assert.equal((await weekly.run(...args)).code, 0);
    await place.remove();
    const { code, stderr } = await weekly.run(...args);
    assert.deepEqual([code, await place.isThere()], [2, false], stderr);
    assert.match(stderr, /--no-resume puts the records of all windows into it/);
    const whole = await weekly.run(...args, "--no-resume");
    assert.deepEqual([whole.code, whole.json().documents], [0, 8], whole.stderr);
  },
);
