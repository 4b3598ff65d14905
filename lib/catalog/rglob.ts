/** Patterns with the meaning of Python's `pathlib.Path.rglob` (3.11), for `/`-separated paths. */

/**
 * The expression that matches the relative paths of the files which `Path(root).rglob(glob)` finds.
 * In a component, `*` is any text, `?` any one character, `[ab]` one of some and `[!ab]` one of the
 * others; a component `**` is any number of folders.
 *
 * @throws {RangeError} if Python would refuse the pattern
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * assert.ok(rglobPattern("library/*").test("images/library/a.json"));
 * assert.ok(!rglobPattern("library/*").test("library/2021/a.json"));
 * ```
 */
export function rglobPattern(glob: string): RegExp {
  const parts = glob.split("/").filter((part) => part !== "" && part !== ".");
  if (glob.startsWith("/")) throw new RangeError("not a relative pattern");
  if (parts.some((part) => part.includes("**") && part !== "**")) {
    throw new RangeError("** can only be a whole component");
  }
  if ((parts.at(-1) ?? "**") === "**" || glob.endsWith("/")) return /(?!)/; // finds folders alone
  // It begins with any number of folders anyway; two such components are as good as one.
  const needed = parts.filter((part, i) => part !== "**" || (parts[i - 1] ?? "**") !== "**");
  const sources = needed.map((part, i) => {
    if (part === "**") return "(?:[^/]+/)*";
    return componentSource(part) + (i < needed.length - 1 ? "/" : "");
  });
  return new RegExp(`^(?:[^/]+/)*${sources.join("")}$`, "su");
}

/** One component as Python's `fnmatch.translate` reads it. */
function componentSource(part: string): string {
  let source = "";
  for (let i = 0; i < part.length;) {
    const character = String.fromCodePoint(part.codePointAt(i)!);
    i += character.length;
    if (character === "*") source += "[^/]*";
    else if (character === "?") source += "[^/]";
    else if (character === "[") {
      // A ] that comes first is one of the characters.
      const end = part.indexOf("]", i + (part[i] === "!" ? 2 : 1));
      source += end < 0 ? "\\[" : classSource(part.slice(i, end));
      if (end >= 0) i = end + 1;
    } else source += escape(character);
  }
  return source;
}

/** What stands between [ and ]. */
function classSource(text: string): string {
  const negated = text.startsWith("!");
  const characters = [...text.slice(negated ? 1 : 0)];
  let source = "";
  for (let i = 0; i < characters.length; i++) {
    const [first = "", dash, last] = characters.slice(i, i + 3);
    if (dash === "-" && last !== undefined) {
      if (first <= last) source += `${escapeInClass(first)}-${escapeInClass(last)}`;
      i += 2;
    } else source += escapeInClass(first);
  }
  if (negated) return source === "" ? "[^/]" : `[^/${source}]`;
  return source === "" ? "(?!)" : `[${source}]`;
}

function escape(character: string): string {
  return character.replace(/[\\^$.*+?()[\]{}|/]/, "\\$&");
}

function escapeInClass(character: string): string {
  return character === "-" ? "\\-" : escape(character);
}
