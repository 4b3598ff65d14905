/** Lines of a text file that may be longer than memory. */

const decoder = new TextDecoder();

/** Bytes that are read at a time. */
const CHUNK = 1 << 16;

/** The lines of a file, each with its place in bytes; others may read the file meanwhile. */
export function* linesOf(file: Deno.FsFile): Generator<[offset: number, line: string]> {
  const size = file.seekSync(0, Deno.SeekMode.End);
  let rest = new Uint8Array();
  for (let offset = 0; offset + rest.length < size;) {
    const chunk = bytesAt(file, offset + rest.length, CHUNK);
    if (chunk.length === 0) return;
    const bytes = new Uint8Array(rest.length + chunk.length);
    bytes.set(rest);
    bytes.set(chunk, rest.length);
    let start = 0;
    for (let end; (end = bytes.indexOf(0x0a, start)) >= 0; start = end + 1) {
      yield [offset + start, decoder.decode(bytes.subarray(start, end))];
    }
    rest = bytes.slice(start);
    offset += start;
  }
}

/** The line that begins at a place of a file, in bytes. */
export function textAt(file: Deno.FsFile, offset: number): string {
  for (let length = 1024;; length *= 4) {
    const bytes = bytesAt(file, offset, length);
    const end = bytes.indexOf(0x0a);
    if (end >= 0) return decoder.decode(bytes.subarray(0, end));
    if (bytes.length < length) return decoder.decode(bytes);
  }
}

function bytesAt(file: Deno.FsFile, offset: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  file.seekSync(offset, Deno.SeekMode.Start);
  let read = 0;
  for (let n; read < length && (n = file.readSync(bytes.subarray(read))) !== null;) read += n;
  return bytes.subarray(0, read);
}
