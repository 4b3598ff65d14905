/** Finds the route of a request. */
import type { Route } from "./route.ts";

/** What the method and path of a request lead to; `label` names it in metrics. */
export type RouteMatch =
  | {
    readonly kind: "found";
    readonly label: string;
    readonly route: Route;
    readonly url: URL;
    /** The texts of the path's parts in braces. */
    readonly path: Readonly<Record<string, string>>;
  }
  | {
    readonly kind: "method not allowed";
    readonly label: string;
    /** Methods that the path takes. */
    readonly allow: readonly string[];
  }
  | { readonly kind: "not found"; readonly label: "none" };

const NOT_FOUND: RouteMatch = { kind: "not found", label: "none" };

/** The route of a request; a HEAD request takes that of GET. */
export function findRoute({ method, url: address }: Request, routes: readonly Route[]): RouteMatch {
  const url = URL.parse(address);
  const parts = url && decode(url.pathname);
  if (!parts) return NOT_FOUND;
  const wanted = method === "HEAD" ? "GET" : method;
  const allow: string[] = [];
  let label = "";
  for (const route of routes) {
    const path = matchPath(route.path, parts);
    if (path === undefined) continue;
    if (route.method === wanted) return { kind: "found", label: route.path, route, url, path };
    allow.push(...(route.method === "GET" ? ["GET", "HEAD"] : [route.method]));
    label = route.path;
  }
  return allow.length === 0 ? NOT_FOUND : { kind: "method not allowed", label, allow };
}

/** The parts of a path; undefined if one of them is not encoded text. */
function decode(path: string): string[] | undefined {
  try {
    return path.split("/").slice(1).map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

/** The texts that a pattern's parts in braces stand for; undefined if the path is another one. */
function matchPath(pattern: string, parts: readonly string[]): Record<string, string> | undefined {
  const wanted = pattern.split("/").slice(1);
  if (wanted.length !== parts.length) return undefined;
  const found: Record<string, string> = {};
  for (const [i, part] of wanted.entries()) {
    const text = parts[i]!;
    if (!part.startsWith("{")) {
      if (part !== text) return undefined;
    } else if (text === "") return undefined;
    else found[part.slice(1, -1)] = text;
  }
  return found;
}
