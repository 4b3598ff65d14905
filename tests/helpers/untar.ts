/** Reads the archives of fixtures. */

/** The files of a .tar.gz by their names. */
export async function untar(path: URL): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const packed = (await Deno.open(path)).readable.pipeThrough(new DecompressionStream("gzip"));
  const archive = await new Response(packed).bytes();
  const text = (from: number, length: number) =>
    new TextDecoder().decode(archive.subarray(from, from + length)).replace(/\0.*/s, "");
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (let at = 0; archive[at]! > 0;) {
    const size = parseInt(text(at + 124, 12), 8);
    files.set(text(at, 100), archive.slice(at + 512, at + 512 + size));
    at += 512 + 512 * Math.ceil(size / 512);
  }
  return files;
}
