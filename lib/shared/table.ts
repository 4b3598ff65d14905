/** Plain tables for a terminal. */
import Table from "cli-table3";
import { printable } from "./log.ts";

/** One column. */
export interface Column {
  readonly head: string;
  /** Longer texts are cut, with `…` at the end. */
  readonly width?: number;
  readonly align?: "left" | "right";
}

/** A table without lines, its columns two spaces apart. */
export function tableText(
  columns: readonly Column[],
  rows: readonly (string | number)[][],
): string {
  const table = new Table({
    head: columns.map(({ head }) => head),
    colWidths: columns.map(({ width }) => width ?? null),
    colAligns: columns.map(({ align }) => align ?? "left"),
    style: { head: [], border: [], "padding-left": 0, "padding-right": 2 },
    chars: NO_BORDERS,
  });
  for (const row of rows) {
    table.push(row.map((cell) => printable(String(cell).replaceAll("\n", " "))));
  }
  return table.toString().replaceAll(/ +$/gm, "");
}

const NO_BORDERS = Object.fromEntries(
  ["top", "bottom", "left", "right"].flatMap((
    side,
  ) => [side, `${side}-mid`, `${side}-left`, `${side}-right`])
    .concat("mid", "mid-mid", "middle").map((part) => [part, ""]),
);
