/** The API's description as a page. */
import type { ApiDocument, ApiOperation, ApiParameter, Json } from "./openapi.ts";
import { htmlResponse } from "./page.ts";

/** A response with the page. */
export function docsResponse(document: ApiDocument): Response {
  return htmlResponse(docsPage(document));
}

function docsPage({ info, paths, components }: ApiDocument): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => section(method, path, operation))
  );
  const schemas = Object.entries(components.schemas).map(([name, schema]) =>
    `<h3 id="${text(name)}">${text(name)}</h3>${code(schema)}`
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${text(info.title)}: API</title>
<link rel="stylesheet" href="/page/docs.css">
<main>
<h1>${text(info.title)} ${text(info.version)}: API</h1>
<p>${text(info.description)} As <a href="/openapi.json">OpenAPI</a>.</p>
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
    .map(([type, { schema }]) => `<p>Body: <code>${text(type)}</code></p>${code(schema)}`);
  const answers = Object.entries(responses as Record<string, { description: string }>)
    .map(([status, { description }]) => `<li><b>${text(status)}</b> ${text(description)}`);
  const { content = {} } = responses[200] as { content?: Record<string, { schema?: Json }> };
  const answer = Object.entries(content).map(([type, { schema }]) =>
    `<p>Answer: <code>${text(type)}</code></p>${schema === undefined ? "" : code(schema)}`
  );
  return `<section>
<h2><code>${text(method.toUpperCase())} ${text(path)}</code></h2>
<p>${text(summary)}.</p>
${parameters.length === 0 ? "" : table(parameters)}
${bodies.join("\n")}
${answer.join("\n")}
<ul>${answers.join("\n")}</ul>
</section>`;
}

function table(parameters: readonly ApiParameter[]): string {
  const rows = parameters.map(({ name, in: place, required, description = "", schema }) =>
    `<tr><td><code>${text(name)}</code><td>${text(place)}${required ? ", needed" : ""}` +
    `<td>${text(description)}<td><code>${text(JSON.stringify(schema))}</code>`
  );
  const head = "<tr><th>Parameter<th>In<th>Meaning<th>Schema";
  return `<table>${head}\n${rows.join("\n")}</table>`;
}

function code(value: unknown): string {
  return `<pre>${text(JSON.stringify(value, null, 2))}</pre>`;
}

/** As text of a page or of an attribute in double quotes. */
function text(value: string): string {
  const entities: Record<string, string> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
  };
  return value.replaceAll(/[&<>"]/g, (character) => entities[character]!);
}
