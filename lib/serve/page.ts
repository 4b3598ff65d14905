/** The files of the web page, as part of the program. */
import address from "./page/address.js" with { type: "text" };
import api from "./page/api.js" with { type: "text" };
import app from "./page/app.js" with { type: "text" };
import arrows from "./page/arrows.js" with { type: "text" };
import asked from "./page/asked.js" with { type: "text" };
import card from "./page/card.js" with { type: "text" };
import compare from "./page/compare.js" with { type: "text" };
import controls from "./page/controls.js" with { type: "text" };
import dom from "./page/dom.js" with { type: "text" };
import filters from "./page/filters.js" with { type: "text" };
import focus from "./page/focus.js" with { type: "text" };
import grid from "./page/grid.js" with { type: "text" };
import indexes from "./page/indexes.js" with { type: "text" };
import memory from "./page/memory.js" with { type: "text" };
import question from "./page/question.js" with { type: "text" };
import results from "./page/results.js" with { type: "text" };
import rows from "./page/rows.js" with { type: "text" };
import screen from "./page/screen.js" with { type: "text" };
import shapes from "./page/shapes.js" with { type: "text" };
import upload from "./page/upload.js" with { type: "text" };
import wording from "./page/wording.js" with { type: "text" };
import askedCss from "./page/asked.css" with { type: "text" };
import baseCss from "./page/base.css" with { type: "text" };
import compareCss from "./page/compare.css" with { type: "text" };
import docsCss from "./page/docs.css" with { type: "text" };
import filtersCss from "./page/filters.css" with { type: "text" };
import gridCss from "./page/grid.css" with { type: "text" };
import layoutCss from "./page/layout.css" with { type: "text" };
import motionCss from "./page/motion.css" with { type: "text" };
import narrowCss from "./page/narrow.css" with { type: "text" };
import noticesCss from "./page/notices.css" with { type: "text" };
import icon from "./page/icon.svg" with { type: "text" };
import html from "./page/index.html" with { type: "text" };
import { htmlResponse, respond } from "./responses.ts";

const TYPES: Readonly<Record<string, string>> = {
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

/** Texts of the files below `/page/`. */
const FILES: ReadonlyMap<string, string> = new Map([
  ["address.js", address],
  ["api.js", api],
  ["app.js", app],
  ["arrows.js", arrows],
  ["asked.css", askedCss],
  ["asked.js", asked],
  ["base.css", baseCss],
  ["card.js", card],
  ["compare.css", compareCss],
  ["compare.js", compare],
  ["controls.js", controls],
  ["docs.css", docsCss],
  ["dom.js", dom],
  ["filters.css", filtersCss],
  ["filters.js", filters],
  ["focus.js", focus],
  ["grid.css", gridCss],
  ["grid.js", grid],
  ["icon.svg", icon],
  ["indexes.js", indexes],
  ["layout.css", layoutCss],
  ["memory.js", memory],
  ["motion.css", motionCss],
  ["narrow.css", narrowCss],
  ["notices.css", noticesCss],
  ["question.js", question],
  ["results.js", results],
  ["rows.js", rows],
  ["screen.js", screen],
  ["shapes.js", shapes],
  ["upload.js", upload],
  ["wording.js", wording],
]);

/** The page itself. */
export function pageResponse(imageOrigins: readonly string[]): Response {
  return htmlResponse(html, imageOrigins);
}

/** A file of the page; undefined if there is none of that name. */
export function pageFile(name: string): Response | undefined {
  const text = FILES.get(name);
  if (text === undefined) return undefined;
  const type = TYPES[name.split(".").at(-1)!]!;
  return respond(text, type, { headers: { "cache-control": "no-cache" } });
}
