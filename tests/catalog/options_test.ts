import assert from "node:assert/strict";
import { parseDownloadOptions } from "../../lib/catalog/options.ts";
import { usageError } from "../helpers/command_line.ts";

Deno.test("parseDownloadOptions() refuses a bad whole URL as endpoint in one line", () => {
  for (const endpoint of ["https://user:hunter2@api.nb.no/x", "https://"]) {
    const message = usageError(() => parseDownloadOptions(["--endpoint", endpoint]));
    assert.ok(!message.includes("hunter2"), message);
  }
});

Deno.test("parseDownloadOptions() says in one line what is wrong with a text of two lines", () => {
  usageError(() => parseDownloadOptions(["--size", "1\n2"]));
  usageError(() => parseDownloadOptions(["--groupby", "a\n:("]));
});
