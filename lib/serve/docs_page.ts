/** The API's description as a page. */
import type { ApiDocument, ApiOperation, ApiParameter, Json } from "./openapi.ts";
import { htmlResponse } from "./responses.ts";

/** A response with the page. */
export function docsResponse(document: ApiDocument): Response {
  return htmlResponse(docsPage(document));
}

function docsPage({ info, paths, components }: ApiDocument): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => section(method, path, operation))
  );
  const schemas = Object.entries(components.schemas).map(([name, schema]) =>
    `<h3 id="${escaped(name)}">${escaped(name)}</h3>${code(schema)}`
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escaped(info.title)}: API</title>
<link rel="stylesheet" href="/page/docs.css">
<main>
<h1>${escaped(info.title)} ${escaped(info.version)}: API</h1>
<p>${escaped(info.description)} As <a href="/openapi.json">OpenAPI</a>.</p>
${operations.join("\n")}
<h2>Schemas</h2>
${schemas.join("\n")}
</main>
</html>
`;
}

function section(method: string, path: string, operation: ApiOperation): string {
  const { summary, parameters, requestBody, responses } = operation;
  const bodies = Object.entries((requestBody?.content ?? {}) as Record<string, Json>)
    .map(([type, { schema }]) => `<p>Body: <code>${escaped(type)}</code></p>${code(schema)}`);
  const answers = Object.entries(responses as Record<string, { description: string }>)
    .map(([status, { description }]) => `<li><b>${escaped(status)}</b> ${escaped(description)}`);
  const { content = {} } = responses[200] as { content?: Record<string, { schema?: Json }> };
  const answer = Object.entries(content).map(([type, { schema }]) =>
    `<p>Answer: <code>${escaped(type)}</code></p>${schema === undefined ? "" : code(schema)}`
  );
  return `<section>
<h2><code>${escaped(method.toUpperCase())} ${escaped(path)}</code></h2>
<p>${escaped(summary)}.</p>
${parameters.length === 0 ? "" : table(parameters)}
${bodies.join("\n")}
${answer.join("\n")}
<ul>${answers.join("\n")}</ul>
</section>`;
}

function table(parameters: readonly ApiParameter[]): string {
  const rows = parameters.map(({ name, in: place, required, description = "", schema }) =>
    `<tr><td><code>${escaped(name)}</code><td>${escaped(place)}${required ? ", needed" : ""}` +
    `<td>${escaped(description)}<td><code>${escaped(JSON.stringify(schema))}</code>`
  );
  const head = "<tr><th>Parameter<th>In<th>Meaning<th>Schema";
  return `<table>${head}\n${rows.join("\n")}</table>`;
}

function code(value: unknown): string {
  return `<pre>${escaped(JSON.stringify(value, null, 2))}</pre>`;
}

/** As text of a page or of an attribute in double quotes. */
function escaped(value: string): string {
  const entities: Record<string, string> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
  };
  return value.replaceAll(/[&<>"]/g, (character) => entities[character]!);
}
