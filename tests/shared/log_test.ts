import assert from "node:assert/strict";
import { printable } from "../../lib/shared/log.ts";
import { tableText } from "../../lib/shared/table.ts";

Deno.test("printable() replaces each control character but line ends, and nothing else", () => {
  const all = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i));
  const expected = all.replaceAll(/./gsu, (character) => {
    const code = character.charCodeAt(0);
    const isControl = code < 0x20 || (code >= 0x7f && code < 0xa0);
    return isControl && character !== "\n" ? "\ufffd" : character;
  });
  assert.equal(printable(all), expected);
  for (const text of ["", "blåbær\n日本語 👩‍🚀", "a\u200bb\u2028c"]) {
    assert.equal(printable(text), text);
  }
});

Deno.test("tableText() makes one plain line of each row, whatever a cell holds", () => {
  const columns = [{ head: "id" }, { head: "title", width: 12 }];
  const rows = [["\x1b[2Ja", "two\nlines"], ["b\r\x9b1m", "\x1b]0;owned\x07, cut off"]];
  assert.equal(
    tableText(columns, rows),
    ["id     title", "\ufffd[2Ja  two lines", "b\ufffd\ufffd1m  \ufffd]0;owned…"].join("\n"),
  );
});
