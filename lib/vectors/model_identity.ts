/** Which model made vectors: known by what its file holds, and by its name alone where no more is noted. */
import { z } from "zod";

/** What a folder of vectors and an index note of a model. */
export const modelIdentity = z.object({
  name: z.string(),
  /** Of the ONNX file, in hex; undefined where only the name was noted. */
  sha256: z.string().optional(),
  /** Digest of how pictures are prepared and which output is taken, in hex; may not be noted. */
  settings: z.string().optional(),
});
/** A model that made vectors. */
export type ModelIdentity = z.infer<typeof modelIdentity>;

/**
 * Whether vectors of the two can be compared: their files hold the same and are used alike, whatever
 * they are called; where a file is not known, the name decides.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const clip = { name: "clip", sha256: "a1" };
 * assert.ok(isSameModel(clip, { name: "clip" }));
 * assert.ok(isSameModel(clip, { name: "encoder", sha256: "a1" }));
 * assert.ok(!isSameModel(clip, { name: "clip", sha256: "b2" }));
 * ```
 */
export function isSameModel(a: ModelIdentity, b: ModelIdentity): boolean {
  if (a.sha256 === undefined || b.sha256 === undefined) return a.name === b.name;
  const settings = [a.settings, b.settings];
  return a.sha256 === b.sha256 && (a.settings === b.settings || settings.includes(undefined));
}

/**
 * The models, each once, by the entry that tells most of it: of less, two models may seem the same.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const [a, b] = [{ name: "clip", sha256: "a1" }, { name: "clip", sha256: "b2" }];
 * assert.deepEqual(distinctModels([{ name: "clip" }, a, b, a]), [a, b]);
 * ```
 */
export function distinctModels(models: readonly ModelIdentity[]): ModelIdentity[] {
  const isCovered = (model: ModelIdentity, i: number) =>
    models.some((other, j) => {
      const more = detailOf(other) - detailOf(model);
      return isSameModel(other, model) && (more > 0 || more === 0 && j < i);
    });
  return models.filter((model, i) => !isCovered(model, i));
}

function detailOf({ sha256, settings }: ModelIdentity): number {
  return [sha256, settings].filter((known) => known !== undefined).length;
}

/**
 * A model in words that tell it from another one: its name, and what differs where the name does not.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const clip = { name: "clip", sha256: "a".repeat(64) };
 * assert.equal(modelText(clip, { name: "demo" }), '"clip"');
 * assert.equal(modelText(clip, { name: "clip", sha256: "b2" }), '"clip" (sha256 aaaaaaaaaaaa…)');
 * ```
 */
export function modelText({ name, sha256, settings }: ModelIdentity, other: ModelIdentity): string {
  if (name !== other.name || sha256 === undefined) return `"${name}"`;
  if (sha256 !== other.sha256) return `"${name}" (sha256 ${sha256.slice(0, 12)}…)`;
  return `"${name}" (settings ${settings ?? "not known"})`;
}

/**
 * The model that an index names.
 *
 * @param identity what is noted beside the name; not heeded if it is of another name, as versions that
 *   know only names leave it where it is
 */
export function namedModel(
  name: string | null | undefined,
  identity: unknown,
): ModelIdentity | undefined {
  if (name === null || name === undefined) return undefined;
  const noted = modelIdentity.safeParse(identity).data;
  return noted?.name === name ? noted : { name };
}
