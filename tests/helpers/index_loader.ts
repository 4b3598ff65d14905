/** Loads batches of 100 documents into `<dir>/x.sqlite`, one line after each, to be killed at it. */
import { EmbeddedIndex } from "../../lib/index/embedded/embedded_index.ts";
import { documentOf, randomVectors } from "../index/contract.ts";

const [dir] = Deno.args;
await using index = await EmbeddedIndex.open({ dir: dir!, name: "x", mode: "write" });
for (let batch = 0; batch < 1000; batch++) {
  const vectors = randomVectors(100, 256, batch);
  await index.bulk(
    vectors.map((vector, i) => ({ document: documentOf(`${batch}-${i}`), vector })),
  );
  await Deno.stdout.write(new TextEncoder().encode("batch\n"));
}
