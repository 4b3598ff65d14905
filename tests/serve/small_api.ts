/** The API over one small index, for the tests beside this file. */
import { testApi } from "../helpers/api.ts";
import { fillIndex, smallItems } from "../helpers/small_index.ts";
import { tempDir } from "../helpers/temp_dir.ts";

/** What the index holds. */
export const ITEMS = smallItems(40);
/** Name of the index. */
export const NAME = "images.knn";
/** Where its neighbours are asked for. */
export const SIMILAR = `/similarity/${NAME}`;

/** Makes the index, and the API over its folder. */
export async function smallApi(options: Parameters<typeof testApi>[1] = {}) {
  const dir = await tempDir();
  await fillIndex(dir.path, NAME, ITEMS);
  const api = testApi(dir.path, options);
  return {
    ...api,
    dir: dir.path,
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
}
