// @ts-check
/// <reference lib="dom" />
/** FLOW: address -> question -> pictures; each step of the user is a new address. */
import { addressOf, isSameQuestion, kindOf, readAddress, viewOf } from "./address.js";
import { getIndexes, pictureUrl } from "./api.js";
import { fillComparison } from "./compare.js";
import { watchControls } from "./controls.js";
import { button, part } from "./dom.js";
import { drawAccess, drawIndexes } from "./filters.js";
import { Grid } from "./grid.js";
import { Memories } from "./memory.js";
import { PAGE_SIZE, PictureGone, Questions } from "./question.js";
import * as screen from "./screen.js";
import { faultBeforeUpload, uploadFault, watchForPictures } from "./upload.js";
import { quoted } from "./wording.js";

/** @import { IndexInfo } from "./api.js" */
/** @import { Memory } from "./memory.js" */
/** @import { View } from "./address.js" */
/** @import { Answer } from "./question.js" */

const field = part("q", HTMLInputElement);
const file = part("file", HTMLInputElement);
const access = part("access", HTMLFieldSetElement);
const others = part("others", HTMLButtonElement);
const more = part("more", HTMLButtonElement);
const dialog = part("compare", HTMLDialogElement);
const indexSelect = part("index", HTMLSelectElement);

const questions = new Questions();
const grid = new Grid(part("grid", HTMLUListElement));
const memories = new Memories();
/** An answer that comes sooner is not announced by grey boxes, in milliseconds. */
const SOON = 150;

/** @type {IndexInfo[] | undefined} */
let indexes;
let view = viewOf();
/** @type {Answer | undefined} */
let answer;
/** Ends when another question is asked. */
let asking = new AbortController();

history.scrollRestoration = "manual";

/**
 * Shows the view of an address.
 *
 * @param {View} next
 * @param {{ memory?: Memory | undefined, isAnew?: boolean, keepsPlace?: boolean }} [how] `keepsPlace`
 *   leaves focus and scroll where they are
 */
async function show(next, { memory, isAnew = false, keepsPlace = false } = {}) {
  const before = view;
  view = next;
  if (answer !== undefined && !isAnew && isSameQuestion(resolve(next), before)) {
    view = resolve(next);
    await showComparison();
    return;
  }
  answer = undefined;
  if (dialog.open) dialog.close();
  asking.abort();
  const { signal } = asking = new AbortController();
  const boxes = memory === undefined ? setTimeout(drawWaiting, SOON) : undefined;
  screen.drawBusy(true);
  try {
    indexes ??= await getIndexes(signal);
    view = resolve(next);
    field.value = view.q;
    drawIndexes(part("index-choice", HTMLElement), indexSelect, indexes, view.index);
    const [found] = await Promise.all([
      memory?.answer ?? (hasIndex() ? questions.ask(view, 0, signal) : NOTHING),
      drawFilters(signal),
    ]);
    if (signal.aborted) return;
    draw(answer = found);
    if (!keepsPlace) place(memory);
    await showComparison();
  } catch (error) {
    if (!signal.aborted) drawFault(error);
  } finally {
    clearTimeout(boxes);
    if (!signal.aborted) screen.drawBusy(false);
  }
}

/** @param {AbortSignal} signal */
async function drawFilters(signal) {
  const facets = hasIndex() ? await questions.access(view.index) : [];
  if (signal.aborted) return;
  drawAccess(access, facets, view.access, (value) => void go({ ...view, access: value }, true));
}

/** @type {Answer} */
const NOTHING = { asked: undefined, entries: [], total: 0 };

/** @param {View} view */
function resolve(view) {
  if (view.index !== "" || indexes === undefined) return view;
  const chosen = indexes.find(({ name, documents }) => name === "images.knn" && documents > 0) ??
    indexes.find(({ documents }) => documents > 0) ?? indexes[0];
  return { ...view, index: chosen?.name ?? "" };
}

function hasIndex() {
  return view.index !== "";
}

function documents() {
  return indexes?.find(({ name }) => name === view.index)?.documents;
}

/** Grey boxes under the question, as far as it is known. */
function drawWaiting() {
  screen.clearNotices();
  screen.drawQuestion(view, questions.asked(view), documents());
  grid.wait();
  more.hidden = others.hidden = true;
  if (kindOf(view) !== "random") scrollTo(0, 0);
}

/** @param {Answer} found */
function draw(found) {
  screen.clearNotices();
  screen.drawQuestion(view, found.asked, documents());
  grid.show(found.entries, {
    picture: ({ id }) => pictureUrl(view.index, id),
    href: ({ id }) => addressOf(likeOf(id)),
    onOpen: ({ id }) => go(likeOf(id)),
    onCompare: found.asked && (({ id }) => go({ ...view, with: id })),
  });
  drawEnd();
  if (found.entries.length > 0) return;
  if (!hasIndex()) {
    screen.drawEmpty("There is no index yet", "Make one with “deno task ingest”.");
  } else {
    screen.drawNothing(view, { isIndexEmpty: documents() === 0, onAll, onHome });
  }
}

/** How many there are, and the way to others. */
function drawEnd() {
  const { entries, total } = answer ?? NOTHING;
  screen.drawSummary(view, answer ?? NOTHING);
  const isRandom = kindOf(view) === "random";
  others.hidden = !isRandom || total <= entries.length;
  more.hidden = isRandom ? others.hidden : entries.length === 0 || entries.length >= total;
  more.textContent = isRandom ? "Show others" : "Show more";
}

/** @param {string} id */
function likeOf(id) {
  return viewOf({ index: view.index, access: view.access, id });
}

/**
 * Puts scroll and focus where they were, else at the top.
 *
 * @param {Memory | undefined} memory
 */
function place(memory) {
  if (memory !== undefined && memory.current >= 0) grid.focus(memory.current);
  else if (document.activeElement !== document.body || memory === undefined) focusHeading();
  scrollTo(0, memory?.scroll ?? 0);
}

let isFirst = true;

function focusHeading() {
  // Whoever has just come starts at the top of the page, with the skip link.
  if (!isFirst) document.getElementById("heading")?.focus({ preventScroll: true });
  isFirst = false;
}

/**
 * Goes to another address.
 *
 * @param {View} next
 * @param {boolean} [keepsPlace]
 */
function go(next, keepsPlace = false) {
  // Asked again, or on its way already: it was clicked twice.
  if (addressOf(next) === addressOf(view)) return show(next, { isAnew: true, keepsPlace });
  remember();
  memories.add(addressOf(next));
  return show(next, { keepsPlace });
}

function remember() {
  if (answer === undefined) return;
  const current = grid.list.contains(document.activeElement) ? grid.current : -1;
  memories.keep({ answer, scroll: scrollY, current });
}

const onHome = () => void go(viewOf({ index: documents() === undefined ? "" : view.index }));
const onAll = () => void go({ ...view, access: "" });
const onRetry = () => void show(view, { isAnew: true });

/** @param {unknown} error */
function drawFault(error) {
  grid.show([], { picture: () => "", href: () => "", onOpen: () => {}, onCompare: undefined });
  more.hidden = others.hidden = true;
  screen.clearNotices();
  screen.drawQuestion(view, questions.asked(view), documents());
  if (error instanceof PictureGone) {
    screen.drawEmpty(
      "Your picture is not here any more",
      "It was never stored, so it is gone once the page is loaded anew. Choose it again.",
      [
        button("Use a picture", () => file.click()),
        button("Show random pictures", onHome, "plain"),
      ],
    );
  } else screen.drawFault(error, { onRetry, onHome });
}

/** Opens or closes the comparison, as the address says. */
async function showComparison() {
  const { asked, entries } = answer ?? NOTHING;
  const wanted = view.with;
  if (wanted === "" || asked === undefined) {
    if (dialog.open) dialog.close();
    return;
  }
  const { signal } = asking;
  try {
    const entry = entries.find(({ id }) => id === wanted) ??
      await questions.compared(view, signal);
    if (signal.aborted || view.with !== wanted) return;
    const next = likeOf(entry.id);
    fillComparison(dialog, asked, { src: pictureUrl(view.index, entry.id), entry }, {
      href: addressOf(next),
      onOpen: () => go(next),
    });
    if (!dialog.open) dialog.showModal();
  } catch (error) {
    if (signal.aborted || view.with !== wanted) return;
    screen.drawNotice(`Cannot compare: ${error instanceof Error ? error.message : error}`);
  }
}

dialog.addEventListener("close", () => {
  if (view.with === "") return;
  const at = answer?.entries.findIndex(({ id }) => id === view.with) ?? -1;
  if (memories.isOurs()) history.back();
  else {
    view = { ...view, with: "" };
    history.replaceState(history.state, "", addressOf(view));
  }
  if (at >= 0) grid.focus(at);
});
dialog.addEventListener("click", ({ target }) => {
  if (target === dialog) dialog.close();
});

async function showMore() {
  if (answer === undefined) return;
  if (kindOf(view) === "random") return await showOthers();
  const { signal } = asking;
  more.disabled = true;
  screen.drawBusy(true);
  try {
    const { entries, total } = await questions.ask(view, answer.entries.length, signal);
    if (signal.aborted) return;
    const first = answer.entries.length;
    const seen = new Set(answer.entries.map(({ id }) => id));
    const added = entries.filter(({ id }) => !seen.has(id));
    answer = { ...answer, entries: [...answer.entries, ...added], total };
    if (entries.length < PAGE_SIZE) answer.total = answer.entries.length;
    grid.append(added);
    grid.focus(first);
    drawEnd();
  } catch (error) {
    if (signal.aborted) return;
    const reason = error instanceof Error ? error.message : String(error);
    screen.drawNotice(`No more pictures came. ${reason}`);
  } finally {
    more.disabled = false;
    if (!signal.aborted) screen.drawBusy(false);
  }
}

async function showOthers() {
  await show(view, { isAnew: true, keepsPlace: true });
  scrollTo(0, 0);
}

/** @param {File} picture */
async function searchWithPicture(picture) {
  const index = indexes?.find(({ name }) => name === view.index);
  if (index !== undefined && !index.uploads) {
    screen.drawNotice(index.uploadsReason ?? "This index cannot be searched with a picture.");
    return;
  }
  const fault = faultBeforeUpload(picture);
  if (fault !== undefined) return screen.drawNotice(fault, chooseAnother());
  screen.say(`Looking for the like of ${quoted(picture.name)}`);
  screen.drawBusy(true);
  asking.abort();
  const { signal } = asking = new AbortController();
  const next = viewOf({
    index: view.index,
    access: view.access,
    picture: questions.keep(picture),
  });
  try {
    const found = await questions.ask(next, 0, signal);
    if (signal.aborted) return;
    remember();
    memories.add(addressOf(next));
    await show(next, { memory: { answer: found, scroll: 0, current: -1 } });
    focusHeading();
  } catch (error) {
    if (signal.aborted) return;
    screen.drawBusy(false);
    if (answer === undefined) await show(view, { isAnew: true });
    screen.drawNotice(uploadFault(error, picture.name), chooseAnother());
  }
}

function chooseAnother() {
  return button("Choose another", () => file.click());
}

watchControls({
  onWords: (q) => void go(viewOf({ index: view.index, access: view.access, q })),
  onIndex: (index) => void go(viewOf({ index, q: view.q }), true),
  onHome,
  onOthers: () => void showOthers(),
  onMore: () => void showMore(),
});
watchForPictures({ file, drop: part("drop", HTMLElement) }, {
  onPicture: (picture) => void searchWithPicture(picture),
  onFault: (message) => screen.drawNotice(message, chooseAnother()),
});
addEventListener("popstate", () => {
  remember();
  void show(readAddress(location.search), { memory: memories.recall() });
});

screen.drawQuestion(viewOf(readAddress(location.search)), undefined, undefined);
grid.wait();
document.body.classList.remove("starting");
void show(readAddress(location.search));
