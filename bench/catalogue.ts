/**
 * A process that stands in for the catalogue with any number of records: it makes 100 a page as they
 * are asked for, in page or scroll mode, without a delay.
 */
import { printResult } from "../lib/shared/log.ts";

/** Records a page. */
export const PAGE_SIZE = 100;

/** Access of the records, in turn. */
export const ACCESS = ["EVERYWHERE", "NORWAY", "NB", "LIBRARY"];

/** Record number `n`, as the catalogue gives it. */
export function recordOf(n: number) {
  const id = n.toString(16).padStart(32, "0");
  const urn = `URN:NBN:no-nb_digifoto_${n}`;
  const href =
    `https://www.nb.no/services/image/resolver/${urn}/full/{width},{height}/0/native.jpg`;
  return {
    id,
    accessInfo: { accessAllowedFrom: ACCESS[n % ACCESS.length]! },
    metadata: {
      title: `Picture ${n}`,
      creators: ["Wilse, Anders Beer"],
      identifiers: { urn, sesamId: id },
      originInfo: {
        issued: String(1850 + n % 150),
        firstDigitalContentTime: "2021-09-22T01:02:03Z",
      },
      mediaTypes: ["bilder"],
      contentClasses: ["public", "jp2"],
    },
    _links: {
      self: { href: `https://api.nb.no:443/catalog/v1/items/${id}` },
      thumbnail_custom: { href },
    },
  };
}

/** Starts the process, and ends it. */
export async function startCatalogue(records: number) {
  const server = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-net=127.0.0.1", import.meta.filename!, String(records)],
    stdout: "piped",
  }).spawn();
  const { value } = await server.stdout.pipeThrough(new TextDecoderStream()).getReader().read();
  return {
    url: `http://127.0.0.1:${value!.trim()}`,
    async [Symbol.asyncDispose]() {
      server.kill();
      await server.status;
    },
  };
}

/** Answers `?size=100&scroll=true[&from=N]`, and prints the port. */
function serve(records: number): void {
  Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: ({ port }) => printResult(String(port)) },
    (request) => {
      const url = new URL(request.url);
      const from = Number(url.searchParams.get("from") ?? 0);
      const length = Math.min(PAGE_SIZE, records - from);
      const items = Array.from({ length }, (_, i) => recordOf(from + i));
      url.searchParams.set("from", String(from + PAGE_SIZE));
      const totalPages = Math.ceil(records / PAGE_SIZE);
      return Response.json({
        page: { size: PAGE_SIZE, totalElements: records, totalPages, number: 0 },
        _embedded: { items },
        _links: from + PAGE_SIZE < records ? { next: { href: url.href } } : {},
      });
    },
  );
}

if (import.meta.main) serve(Number(Deno.args[0]));
