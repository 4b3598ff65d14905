/** Where a harvest by number goes on: within a query, with another pass over it, or after it. */
import type { Days } from "../days.ts";
import { idsText } from "./ids.ts";
import type { Pass } from "./pass.ts";
import type { HarvestPosition, PassState } from "./step.ts";

/** The query that is asked for, among those that are left. */
export interface Place {
  readonly days: Days | undefined;
  /** Spans that come after it. */
  readonly rest: readonly Days[];
  /** How many spans, this one included, are only asked for what an earlier pass did not bring. */
  readonly again: number;
  /** First page of a pass. */
  readonly begin: number;
  /** What came so far. */
  readonly known: ReadonlySet<number>;
}

/** Tells positions in the harvest of one query after the other. */
export class Positions {
  constructor(private readonly place: Place) {}

  /** The next page of the first pass over a query. */
  page(
    page: number,
    of: number,
    { number, came, lost, hasShifted: shifted }: Pass,
  ): HarvestPosition {
    const pass = this.#state({ number, came, lost, shifted });
    return { mode: "pages", page, of, ...this.#spans(), pass };
  }

  /** The beginning of a pass that only brings what an earlier one did not. */
  pass(number: number): HarvestPosition {
    const { begin, again } = this.place;
    return { mode: "pages", page: begin, ...this.#spans(), again, pass: this.#state({ number }) };
  }

  /** What follows the query; undefined if nothing does. */
  end(): HarvestPosition | undefined {
    const { rest, again } = this.place;
    if (rest.length === 0) return undefined;
    const next = { mode: "pages", page: 0, spans: rest } as const;
    if (again <= 1) return next;
    return { ...next, again: again - 1, pass: this.#state({ number: 1 }) };
  }

  #spans(): { spans?: readonly Days[] } {
    const { days, rest } = this.place;
    return days === undefined ? {} : { spans: [days, ...rest] };
  }

  #state(state: Partial<PassState> & { number: number }): PassState {
    return { came: 0, lost: 0, shifted: false, ids: idsText(this.place.known), ...state };
  }
}
