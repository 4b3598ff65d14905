/** Reads or fetches the pictures of records, and counts the records that have none. */
import { readRecord, type RecordFile } from "../catalog/record_files.ts";
import { imageUrls } from "../images/iiif.ts";
import { fetchImage } from "../images/fetch_image.ts";
import type { EngineName } from "../inference/engines/engine.ts";
import { type ImageFiles, MAX_IMAGE_BYTES } from "../images/image_files.ts";
import { RecordError, SetupError } from "../shared/errors.ts";
import { type OutputFolder } from "../shared/output_folder.ts";
import { type HttpClient, politeClient } from "../shared/http.ts";
import { count } from "../shared/progress.ts";
import type { Stage } from "../shared/run.ts";
import type { VectorizeOptions } from "./options.ts";
import { pictureProof } from "./picture_proof.ts";
import { SharedFiles } from "./shared_files.ts";

/** A record with its picture's file. */
export interface Picture {
  readonly record: RecordFile;
  readonly file: Uint8Array<ArrayBuffer>;
  /** Names the bytes of the file. */
  readonly bytes: string;
  /** Addresses that the picture can be fetched from; none where nothing is to be fetched. */
  readonly urls: readonly string[];
  /** Those of them that are left to be tried if the file cannot be used. */
  readonly otherUrls: readonly string[];
  /** Why the other sizes could not be had either. */
  otherReason?: unknown;
}

/** Kinds of pictures that each engine reads, best first. */
const READABLE: Readonly<Record<EngineName, string>> = {
  onnx: "image/jpeg, image/png, image/webp, image/tiff, image/gif",
  tfjs: "image/jpeg, image/png, image/webp, image/tiff, image/gif",
  wasm: "image/jpeg, image/png",
};

/** What asks the image hosts, politely; stages that run together share it. */
export function imageClient(options: VectorizeOptions, { signal, stats }: Stage): HttpClient {
  const limits = { hosts: options.imageHosts, maxBytes: MAX_IMAGE_BYTES, signal };
  return politeClient(options, { ...limits, onRetry: () => stats.retried++ });
}

/** What pictures are loaded with. */
export interface PictureParts {
  readonly images: ImageFiles;
  readonly http: HttpClient;
  /** Takes what is fetched. */
  readonly output: OutputFolder;
  /** Has a picture fetched when its turn comes, where several loaders share the host's patience. */
  readonly inTurn?: <T>(work: () => Promise<T>) => Promise<T>;
}

/** Files of many records that are named at the end. */
const MAX_NAMED = 5;

/** Reads or fetches pictures; what is fetched is stored as it was received. */
export class PictureLoader {
  #withoutLink = 0;
  #notOnDisk = 0;
  readonly #shared = new SharedFiles();

  constructor(
    private readonly parts: PictureParts,
    private readonly options: VectorizeOptions,
    private readonly stage: Stage,
  ) {}

  /** The record's picture; undefined if it has none, which is counted. */
  async load(record: RecordFile): Promise<Picture | undefined> {
    const { options, stage } = this;
    const item = { id: record.stem, file: record.path };
    try {
      const known = await stage.failedBefore(item, () => this.proof(record));
      if (known?.code === "no_link") this.#withoutLink++;
      if (known !== undefined) return undefined;
      const { thumbnails, access } = await readRecord(record);
      const urls = options.downloadImages ? imageUrls(thumbnails, options.baseUrl) : [];
      const file = options.inference
        ? await this.parts.images.read(record.folder, record.stem, () => access)
        : undefined;
      if (file !== undefined) return this.#counted({ record, file, urls, otherUrls: urls });
      if (urls.length > 0) return await this.#fetch(record, urls, urls);
      if (options.downloadImages) {
        this.#withoutLink++;
        const reason = `Cannot find a picture of record "${record.stem}": it has no link to one`;
        const proof = await this.proof(record);
        stage.skip({ ...item, stage: "load", proof }, new RecordError(reason, "no_link"));
      } else {
        stage.stats.skipped++;
        this.#notOnDisk++;
      }
    } catch (error) {
      if (stage.signal.aborted) return undefined;
      stage.fail({ ...item, stage: "load", proof: await this.proof(record) }, error);
    }
    return undefined;
  }

  /** The picture in another size, in place of a file that cannot be used; undefined if none works. */
  async loadOther(picture: Picture): Promise<Picture | undefined> {
    const { record, urls, otherUrls } = picture;
    if (otherUrls.length === 0) return undefined;
    try {
      return await this.#fetch(record, urls, otherUrls);
    } catch (error) {
      if (this.stage.signal.aborted || error instanceof SetupError) throw error;
      picture.otherReason = error;
      return undefined;
    }
  }

  /** Names what a picture is made from now: its record and file, and what addresses are asked. */
  proof(record: RecordFile): Promise<string | undefined> {
    return pictureProof(record, this.parts.images, this.options);
  }

  /** Removes a damaged picture that can be fetched again, for the next run to do so. */
  discard({ record: { folder, stem }, urls }: Picture): void {
    if (urls.length === 0) return;
    try {
      this.parts.output.remove(this.parts.images.pathOf(folder, stem));
    } catch {
      // It stays, and fails again in the next run.
    }
  }

  async #fetch(
    record: RecordFile,
    urls: readonly string[],
    wanted: readonly string[],
  ): Promise<Picture> {
    const { engine, ignoreRobots } = this.options;
    const { http, images, output, inTurn = (work) => work() } = this.parts;
    const how = { accept: READABLE[engine], ignoreRobots };
    const { file, otherUrls } = await inTurn(() => fetchImage(wanted, http, how));
    output.write(images.pathOf(record.folder, record.stem), file);
    return this.#counted({ record, file, urls, otherUrls });
  }

  #counted(picture: Omit<Picture, "bytes">): Picture {
    return { ...picture, bytes: this.#shared.add(picture.record.stem, picture.file) };
  }

  /** Says which records were skipped for want of a picture, and which share one. */
  explain(): void {
    const { stage } = this;
    if (this.#withoutLink > 0) {
      stage.warn(`skipped without a link to a picture: ${this.#withoutLink}`);
    }
    if (this.#notOnDisk > 0) {
      stage.warn(
        `skipped without a picture on disk: ${this.#notOnDisk}; --download-images fetches them`,
      );
    }
    const shared = this.#shared.files;
    for (const { count: n, example } of shared.slice(0, MAX_NAMED)) {
      stage.warn(
        `${count(n)} records share one picture file, such as "${example}": a placeholder?`,
      );
    }
    const more = shared.length - MAX_NAMED;
    if (more > 0) stage.warn(`${count(more)} more picture files are shared by many records each`);
  }
}
