/**
 * The three flows as one stream in one process: pages -> records -> pictures -> vectors -> documents.
 * Takes the arguments of each tool as one JSON object.
 */
import { catalogClient, downloadRecords } from "../../lib/catalog/download.ts";
import { parseDownloadOptions } from "../../lib/catalog/options.ts";
import { identityOf } from "../../lib/inference/models/identity.ts";
import { openModel } from "../../lib/inference/models/model.ts";
import { WorkerPool } from "../../lib/inference/workers/worker_pool.ts";
import { DocumentReader } from "../../lib/ingest/documents.ts";
import { ingestDocuments } from "../../lib/ingest/ingest.ts";
import { parseIngestOptions } from "../../lib/ingest/options.ts";
import { openTarget } from "../../lib/ingest/target.ts";
import { runTool } from "../../lib/shared/cli.ts";
import type { Report, Run } from "../../lib/shared/run.ts";
import { regrouped, unlessEmpty } from "../../lib/shared/streams.ts";
import { parseVectorizeOptions } from "../../lib/vectorize/options.ts";
import { existingOf } from "../../lib/vectorize/plan.ts";
import { imageClient, PictureLoader } from "../../lib/vectorize/pictures.ts";
import { vectorizeRecords, withoutVector } from "../../lib/vectorize/vectorize.ts";
import { writeModelNote } from "../../lib/vectors/model_note.ts";

type Options = ReturnType<typeof parse>;

function parse([text = ""]: readonly string[]) {
  const args = JSON.parse(text);
  return {
    download: parseDownloadOptions(args.download),
    vectorize: parseVectorizeOptions(args.vectorize),
    ingest: parseIngestOptions(args.ingest),
    json: true,
  };
}

async function stream(o: Options, run: Run): Promise<Report> {
  const [download, vectorize, ingest] = [
    run.stage("download"),
    run.stage("vectorize"),
    run.stage("ingest"),
  ] as const;
  const records = await download.openOutput(o.download.outputFolder);
  const vectors = await vectorize.openOutput(o.vectorize.vectorsDir);
  await ingest.openOutput(o.ingest.indexDir);
  const model = await openModel(o.vectorize.model);
  writeModelNote(identityOf(model), o.vectorize, vectors);
  const { engine, jobs: size } = o.vectorize;
  using pool = await WorkerPool.start({ engine, model, size, signal: run.signal });
  const existing = existingOf(o.vectorize, model.output.size);
  const { images } = existing;
  const http = imageClient(o.vectorize, vectorize);
  const pictures = new PictureLoader({ images, http, output: vectors }, o.vectorize, vectorize);
  const reader = new DocumentReader(o.ingest, ingest);

  const client = catalogClient(o.download, download);
  const pages = download.through(
    downloadRecords({ client, output: records }, o.download, download),
  );
  const missing = withoutVector(
    pages,
    existing,
    o.vectorize,
    vectorize,
  );
  const makers = { pictures, pool, vectors: existing.vectors, output: vectors };
  const made = vectorize.through(vectorizeRecords(missing, makers, o.vectorize, vectorize));
  const groups = await unlessEmpty(reader.groups(regrouped(each(made), 4)));
  const load = {
    first: groups!.first,
    model: identityOf(model),
    isRest: false,
    total: () => Promise.resolve(0),
  };
  await using index = await openTarget(load, o.ingest, ingest);
  for await (const _ of ingestDocuments(groups!, index, o.ingest, ingest));
  return { json: { documents: await index.count() } };
}

async function* each<T>(items: AsyncIterable<T>): AsyncGenerator<[T]> {
  for await (const item of items) yield [item];
}

Deno.exit(await runTool("stream", parse, stream, Deno.args, Deno.exit));
