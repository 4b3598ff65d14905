/** Tests of what is not on every machine: where it is missing they are skipped, and say why. */

/** Why tests are skipped, and what helps. */
const REMEDIES = {
  "no search servers are running":
    'start them with "tests/servers.sh DIR" and "tests/servers.sh DIR start cluster"',
  "not all search servers are running":
    'start the others with "tests/servers.sh DIR" and "tests/servers.sh DIR start cluster"',
  "there is no browser": "install Chromium, or name the program in CHROMIUM",
  "there is no Python": "install python3",
  "there is no strace": "install strace",
  "the kernels' compiler cannot be had": "it comes from npm, once",
  "this system has no users as Unix has": "run them on Linux or macOS",
  "links need a privilege on Windows": "run them on another system",
  "this system's `script` has other options": "run them on Linux",
} as const;

/** Why a test is skipped. */
export type Reason = keyof typeof REMEDIES;

/** For `Deno.test()`: the test of that name is skipped if there is a reason, and its name says it. */
export function skipIf(reason: Reason | undefined, name: string) {
  return reason === undefined
    ? { name, ignore: false }
    : { name: `${name} (skipped: ${reason})`, ignore: true };
}

/** Of the output of `deno test`: how many of `skipped` tests had which reason, a line for each. */
export function skipLines(output: string, skipped: number): string[] {
  const found = output.matchAll(/ \(skipped: (.+?)\) \.\.\. .*ignored/g).map(([, reason]) =>
    reason
  );
  const reasons = Map.groupBy(found, (reason) => reason as Reason);
  const lines = [...reasons].map(([reason, { length }]) =>
    `${length} skipped: ${reason}; ${REMEDIES[reason]}`
  );
  const others = [...reasons.values()].reduce((rest, { length }) => rest - length, skipped);
  return others > 0 ? [...lines, `${others} skipped without a reason`] : lines;
}
