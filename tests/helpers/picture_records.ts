/** Records with links to pictures. */
import { join } from "node:path";

/** Writes `<dir>/<id>.json` with the link to its picture, `{width},{height}` in it. */
export async function writeRecord(dir: string, id: string, href?: string): Promise<void> {
  await Deno.mkdir(dir, { recursive: true });
  const _links = href === undefined ? {} : { thumbnail_custom: { href } };
  await Deno.writeTextFile(join(dir, `${id}.json`), JSON.stringify({ id, _links }));
}
