/** Command lines, and how they are refused. */
import assert from "node:assert/strict";
import { UsageError } from "../../lib/shared/errors.ts";

/** The command line of a test as the shell would split it; `''` is an empty argument. */
export const words = (line: string): string[] =>
  line.split(" ").map((word) => word === "''" ? "" : word);

/** The message of the UsageError that `parse` throws; it must be one line. */
export function usageError(parse: () => unknown): string {
  try {
    parse();
  } catch (error) {
    assert.ok(error instanceof UsageError, `${error} is not a UsageError`);
    assert.ok(!/[\r\n]/.test(error.message), JSON.stringify(error.message));
    return error.message;
  }
  throw new assert.AssertionError({ message: "nothing was thrown" });
}
