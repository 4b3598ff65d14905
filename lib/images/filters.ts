/** The filters by which a picture is resized, as in Pillow. */

/** What weighs the neighbours of a pixel. */
export interface Weighing {
  /** Its reach to either side, in pixels. */
  readonly support: number;
  /** Weight at a distance. */
  readonly weight: (x: number) => number;
}

/** The filters by name. */
export const FILTERS = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, weight: bicubic },
  lanczos: { support: 3, weight: (x) => x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0 },
} as const satisfies Record<string, Weighing>;

/** Name of a filter. */
export type Filter = keyof typeof FILTERS;

/** The names of the filters. */
export const FILTER_NAMES = Object.keys(FILTERS) as [Filter, ...Filter[]];

/** The kernel of Keys (1981) with a = -0.5. */
function bicubic(x: number): number {
  const a = -0.5;
  x = Math.abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}
