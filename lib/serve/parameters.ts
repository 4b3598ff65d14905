/** What requests may hold: paths, query parameters and bodies, checked at the edge. */
import { z } from "zod";
import { FILTER_FIELDS } from "../index/types.ts";
import { PLAIN_NAME } from "../shared/args.ts";
import { errorMessage, RequestError } from "../shared/errors.ts";
import { parseFilters } from "../search/filters.ts";

/** Fields of a document that can be asked for. */
export const FIELDS = [
  "id",
  "filename",
  "access",
  "title",
  "creators",
  "subject",
  "license",
  "date",
  "thumbnail",
] as const;
/** One of {@linkcode FIELDS}. */
export type Field = typeof FIELDS[number];

/** Hits of one answer. */
const MAX_SIZE = 1000;
/** How far into an ordered answer a request goes: as far as Elasticsearch does. */
const WINDOW = 10_000;
/** Numbers of a vector. */
const MAX_DIMS = 16_384;
/** Bytes of an id, as in Elasticsearch. */
const MAX_ID_BYTES = 512;
const MAX_WORDS_LENGTH = 500;

/** A parameter that is given at most once; the texts of all are its input. */
function once<T extends z.ZodType>(schema: T) {
  return z.preprocess((values, context) => {
    const [value, ...others] = (values ?? []) as string[];
    if (others.length > 0) context.addIssue("it is given more than once");
    return value;
  }, schema);
}

function whole(min: number, max: number, standard: number, description: string) {
  const error = `it must be a whole number from ${min} to ${max}`;
  const schema = z.int(error).min(min, error).max(max, error).default(standard);
  const number = z.preprocess(
    (text) => /^[+-]?\d{1,15}$/.test(String(text)) ? Number(text) : text,
    schema,
  );
  return once(number).describe(description);
}

const size = (standard: number) => whole(1, MAX_SIZE, standard, "Most entries of the answer");
const offset = whole(0, WINDOW - 1, 0, "Entries to pass over");

const fields = z.preprocess(
  (values) => {
    const texts = values as string[];
    return texts.length === 0
      ? undefined
      : texts.flatMap((text) => text.split(",")).map((text) => text.trim())
        .filter((name) => name !== "" && name !== "similarity");
  },
  z.array(z.enum(FIELDS, `it must be of ${FIELDS.join(", ")}`)).default(["id", "filename"]),
).describe("Fields of the documents, separated by commas");

const filter = z.preprocess((values, context) => {
  try {
    return parseFilters(values as string[]);
  } catch (error) {
    context.addIssue(errorMessage(error));
    return {};
  }
}, z.partialRecord(z.enum(FILTER_FIELDS), z.string())).describe(
  `FIELD=VALUE, repeatable: only documents with that value; FIELD is one of ${
    FILTER_FIELDS.join(", ")
  }`,
).meta({ repeatable: true });

/** The two ends of a scale in a query: `0.98,1`. */
function pair<T extends z.ZodType>(schema: T) {
  return once(
    z.preprocess(
      (text) =>
        typeof text === "string"
          ? text.split(",").map((part) => /^\s*[-+.\d]/.test(part) ? Number(part) : part.trim())
          : text,
      schema,
    ),
  );
}

const scaleError = "it must be two numbers, the smaller one first";
const limit = <W extends string>(word: W) => z.union([z.number(), z.literal(word)], scaleError);
const scaleFrom = z.tuple([limit("min"), limit("max")], scaleError)
  .refine(([a, b]) => typeof a === "string" || typeof b === "string" || a <= b, scaleError)
  .optional().describe(
    'Similarities of this range are scaled; "min" and "max" are those of the answer',
  );
const scaleTo = z.tuple([z.number(), z.number()], "it must be two numbers").optional()
  .describe("What the range becomes, in `scaled`: whole numbers if both of these are");

const page = { size: size(100), offset, fields };
const inWindow = ({ size, offset }: { size: number; offset: number }) => size + offset <= WINDOW;
const windowError = { message: `size and offset together must be at most ${WINDOW}` };

/** Query of `POST /similarity/…`. */
export const similarityQuery = z.object({
  ...page,
  k: whole(1, WINDOW, 25, "Candidates that are looked at, raised to size + offset + 1"),
  metric: once(z.literal("cosine", 'it must be "cosine"').default("cosine")).describe(
    "How vectors are compared",
  ),
}).refine(inWindow, windowError);

/** Query of `POST /similarity/{index}/image`. */
export const imageQuery = z.object({
  ...similarityQuery.shape,
  filter,
  scale_from: pair(scaleFrom),
  scale_to: pair(scaleTo),
}).refine(inWindow, windowError);

/** Query of `GET /random/{index}`. */
export const randomQuery = z.object({ size: size(20), fields, filter });

/** Query of `GET /text/{index}`. */
export const textQuery = z.object({
  q: once(z.string("it is missing").max(MAX_WORDS_LENGTH, "it is too long")).describe(
    "Words of title, creators or subject, or how they begin; all have to be there",
  ),
  size: size(20),
  offset,
  fields,
  filter,
}).refine(inWindow, windowError);

/** Query of `GET /items/{index}/{id}`. */
export const itemQuery = z.object({ fields });

/** Query of a request without parameters. */
export const noQuery = z.object({});

const notUnicode = "it is not Unicode";
const isWellFormed = (text: string) => text.isWellFormed();

const options = {
  scale_from: scaleFrom,
  scale_to: scaleTo,
  filters: z.partialRecord(
    z.enum(FILTER_FIELDS, `it must be one of ${FILTER_FIELDS.join(", ")}`),
    z.string().max(MAX_ID_BYTES).refine(isWellFormed, notUnicode),
  ).default({}).describe("Only documents with these values"),
};

/** Body of a search by id or file name. */
export const textValueBody = z.object({
  value: z.string("it must be a text").min(1, "it is empty").refine(isIdLength, "it is too long")
    .refine(isWellFormed, notUnicode),
  ...options,
});

const vectorError = `it must be 1 to ${MAX_DIMS} numbers`;
/** Body of a search by vector. */
export const vectorBody = z.object({
  value: z.array(z.number(vectorError), vectorError).min(1, vectorError).max(MAX_DIMS, vectorError),
  ...options,
});

/** How similarities are scaled. */
export interface Scale {
  readonly scale_from?: readonly [number | "min", number | "max"] | undefined;
  readonly scale_to?: readonly [number, number] | undefined;
}

function isIdLength(text: string): boolean {
  return text.length <= MAX_ID_BYTES && new TextEncoder().encode(text).length <= MAX_ID_BYTES;
}

/**
 * The name of an index in a path.
 *
 * @throws {RequestError} 422 if it cannot be one
 */
export function indexName(text: string): string {
  if (PLAIN_NAME.test(text)) return text;
  throw new RequestError(
    422,
    "Cannot use the name of the index: it must be of letters, digits, '.', '_' and '-'",
  );
}

/**
 * The id of a document in a path.
 *
 * @throws {RequestError} 422 if it cannot be one
 */
export function documentId(text: string): string {
  if (isIdLength(text)) return text;
  throw new RequestError(422, "Cannot use the id: it is too long");
}

/**
 * Checks the query of a request; parameters that are not known are passed over.
 *
 * @throws {RequestError} 422 in one line if one does not fit
 */
export function readQuery<S extends z.ZodObject>(url: URL, schema: S): z.infer<S> {
  const values = Object.keys(schema.shape).map((name) => [name, url.searchParams.getAll(name)]);
  return check(schema, Object.fromEntries(values), "parameter");
}

/**
 * Checks the JSON of a body.
 *
 * @throws {RequestError} 422 in one line if it does not fit
 */
export function checkBody<S extends z.ZodType>(body: unknown, schema: S): z.infer<S> {
  // Each wrong number of a long list would become an issue of its own.
  const { value, filters } = (body ?? {}) as { value?: unknown; filters?: unknown };
  const isLong = Array.isArray(value) && value.length > MAX_DIMS;
  const isWide = typeof filters === "object" && filters !== null &&
    Object.keys(filters).length > FILTER_FIELDS.length;
  if (isLong) throw new RequestError(422, `Cannot use "value" of the body: ${vectorError}`);
  if (isWide) throw new RequestError(422, 'Cannot use "filters" of the body: there are too many');
  return check(schema, body, "field");
}

function check<S extends z.ZodType>(schema: S, input: unknown, what: string): z.infer<S> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0]!;
  const reason = message.charAt(0).toLowerCase() + message.slice(1);
  const where = path.length === 0 ? "the request" : `${what} "${String(path[0])}"`;
  throw new RequestError(422, `Cannot use ${where}: ${reason.slice(0, 300)}`);
}
