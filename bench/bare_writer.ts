/** Writes the same files as download, atomically, and does nothing else. */
import { join } from "node:path";
import { ACCESS, recordOf } from "./catalogue.ts";

const [records = "0", out = "."] = Deno.args;
const temporary = join(out, "temporary");
for (const access of ACCESS) await Deno.mkdir(join(out, access.toLowerCase()));
for (let n = 0; n < Number(records); n++) {
  const record = recordOf(n);
  const folder = join(out, record.accessInfo.accessAllowedFrom.toLowerCase());
  await Deno.writeTextFile(temporary, JSON.stringify(record));
  await Deno.rename(temporary, join(folder, `${record.id}.json`));
}
