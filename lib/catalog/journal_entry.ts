/** An entry of a harvest's journal. Its schema is loaded only where there is one to read. */
import { z } from "zod";
import type { HarvestPosition } from "./harvest/step.ts";

/** How far a harvest has come: after a whole page, never within one. */
export interface JournalEntry {
  /** Where to go on. */
  readonly position: HarvestPosition;
  /** Pages that are done. */
  readonly pages: number;
  /** Records on them that were stored or were there. */
  readonly done: number;
  /** Records on them that failed, by code. */
  readonly errors: Readonly<Record<string, number>>;
  /** How many of those that failed never came. */
  readonly lost: number;
  /** How many of those that were not stored had failed for good before. */
  readonly failedBefore?: number;
  /** When the harvest began, ISO 8601. */
  readonly began?: string;
  /** Records of the whole query, as far as is known. */
  readonly total: number;
}

const days = z.object({ from: z.string(), to: z.string() });

const pass = z.object({
  number: z.number(),
  came: z.number(),
  lost: z.number(),
  shifted: z.boolean(),
  ids: z.string(),
});

const position = z.discriminatedUnion("mode", [
  z.object({
    mode: z.literal("pages"),
    page: z.number(),
    spans: z.array(days).exactOptional(),
    of: z.number().exactOptional(),
    again: z.number().exactOptional(),
    pass: pass.exactOptional(),
  }),
  z.object({
    mode: z.literal("scroll"),
    page: z.number(),
    next: z.string().exactOptional(),
    taken: z.number().exactOptional(),
  }),
]);

/** An entry, parsed from JSON. */
export const journalEntry: z.ZodType<JournalEntry> = z.object({
  position,
  pages: z.number(),
  done: z.number(),
  errors: z.record(z.string(), z.number()),
  lost: z.number(),
  failedBefore: z.number().exactOptional(),
  began: z.string().exactOptional(),
  total: z.number(),
});
