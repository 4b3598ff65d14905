// @ts-check
/// <reference lib="dom" />
/** What is drawn for a view: the question, how many were found, and what to say when none was. */
import { kindOf } from "./address.js";
import { ApiError } from "./api.js";
import { askedPicture, askedWords, welcome } from "./asked.js";
import { button, byId, el } from "./dom.js";
import { accessName, count as text, counted, quoted, titleOf } from "./wording.js";

/** @import { View } from "./address.js" */
/** @import { AskedPicture } from "./asked.js" */
/** @import { Answer } from "./question.js" */

const busy = byId("busy", HTMLElement);
const notice = byId("notice", HTMLElement);
const asked = byId("asked", HTMLElement);
const summary = byId("summary", HTMLElement);
const empty = byId("empty", HTMLElement);
const status = byId("status", HTMLElement);
const results = byId("results", HTMLElement);

/** @param {boolean} isBusy */
export function drawBusy(isBusy) {
  busy.hidden = !isBusy;
  results.setAttribute("aria-busy", String(isBusy));
}

/**
 * Says something to those who do not see the page.
 *
 * @param {string} message
 */
export function say(message) {
  status.textContent = message;
}

/**
 * @param {View} view
 * @param {AskedPicture | undefined} picture
 * @param {number | undefined} documents in the index
 */
export function drawQuestion(view, picture, documents) {
  const kind = kindOf(view);
  asked.className = `asked ${kind}`;
  if (kind === "random") asked.replaceChildren(...welcome(documents));
  else if (kind === "text") asked.replaceChildren(...askedWords(view.q));
  else if (picture !== undefined) asked.replaceChildren(...askedPicture(picture));
  else {
    const text = kind === "picture" ? "Pictures like yours" : "Pictures like this one";
    asked.replaceChildren(el("h1", { id: "heading", tabindex: -1 }, text));
  }
}

/**
 * @param {View} view
 * @param {Answer} answer
 */
export function drawSummary(view, { asked, entries, total }) {
  const kind = kindOf(view);
  const n = entries.length;
  const of = total > n ? ` of ${text(total)}` : "";
  if (n === 0) summary.textContent = "";
  else if (kind === "random") summary.textContent = `${text(n)}${of} at random`;
  else if (kind === "text") {
    summary.textContent = of === "" ? counted(n, "picture") : `${text(n)}${of} pictures`;
  } else summary.textContent = `The nearest ${text(n)}${of}, best first`;
  document.title = `${titleText(view, asked)} – Maken`;
  say(`${counted(n, "picture")}${of} ${aboutText(view, asked)}`);
}

/**
 * @param {View} view
 * @param {AskedPicture | undefined} asked
 */
function titleText(view, asked) {
  const kind = kindOf(view);
  if (kind === "random") return "Find pictures that look alike";
  if (kind === "text") return quoted(view.q);
  return asked !== undefined && "entry" in asked
    ? `Pictures like ${quoted(titleOf(asked.entry))}`
    : "Pictures like yours";
}

/**
 * @param {View} view
 * @param {AskedPicture | undefined} asked
 */
function aboutText(view, asked) {
  const kind = kindOf(view);
  if (kind === "random") return "at random";
  if (kind === "text") return `with the words ${quoted(view.q)}`;
  return asked !== undefined && "entry" in asked
    ? `like ${quoted(titleOf(asked.entry))}`
    : "like yours";
}

/** Takes the notice and the empty state away. */
export function clearNotices() {
  notice.replaceChildren();
  empty.replaceChildren();
  empty.hidden = true;
}

/**
 * A notice above everything, which can be sent away.
 *
 * @param {string} message
 * @param {HTMLButtonElement} [action]
 */
export function drawNotice(message, action) {
  const close = button("Dismiss", () => notice.replaceChildren(), "plain");
  const buttons = action === undefined ? [close] : [action, close];
  notice.replaceChildren(
    el("div", { class: "notice" }, el("p", {}, message), el("div", {}, ...buttons)),
  );
}

/**
 * In place of pictures.
 *
 * @param {string} headline
 * @param {string | Node} hint
 * @param {readonly HTMLElement[]} [actions]
 */
export function drawEmpty(headline, hint, actions = []) {
  summary.textContent = "";
  empty.hidden = false;
  empty.replaceChildren(
    el("p", { class: "headline" }, headline),
    el("p", {}, hint),
    el("p", { class: "actions" }, ...actions),
  );
  say(headline);
}

/**
 * The server could not answer.
 *
 * @param {unknown} error
 * @param {{ onRetry: () => void, onHome: () => void }} handlers
 */
export function drawFault(error, { onRetry, onHome }) {
  const message = error instanceof Error ? error.message : String(error);
  const home = button("Show random pictures", onHome, "plain");
  if (error instanceof ApiError && error.status === 404) {
    drawEmpty("That is not here", sentence(message), [home]);
    return;
  }
  const isGone = error instanceof ApiError && error.status === 0;
  drawEmpty(
    isGone ? "The server does not answer" : "That did not work",
    isGone ? "It may have been stopped, or the network is down." : sentence(message),
    isGone ? [button("Try again", onRetry)] : [button("Try again", onRetry), home],
  );
}

/**
 * No picture was found.
 *
 * @param {View} view
 * @param {{ isIndexEmpty: boolean, onAll: () => void, onHome: () => void }} state
 */
export function drawNothing(view, { isIndexEmpty, onAll, onHome }) {
  if (isIndexEmpty) {
    const hint = el("span", {}, "Fill it with ", el("code", {}, "deno task ingest"), ".");
    drawEmpty("This index has no pictures yet", hint);
    return;
  }
  const home = button("Show random pictures", onHome, "plain");
  const all = button("Search all", onAll);
  const where = view.access === "" ? "" : ` Only “${accessName(view.access)}” was searched.`;
  const actions = view.access === "" ? [home] : [all, home];
  if (kindOf(view) === "text") {
    const hint = `All words have to be in title, creators or subject.${where}`;
    drawEmpty(`No picture with ${quoted(view.q)}`, hint, actions);
  } else drawEmpty("No other picture is here", where.trim(), actions);
}

/** @param {string} text */
function sentence(text) {
  const start = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(start) ? start : `${start}.`;
}
