// @ts-check
/// <reference lib="dom" />
/** FLOW: address -> question -> pictures; each step of the user is a new address. */
import { addressOf, isSameQuestion, kindOf, likeView, readAddress, viewOf } from "./address.js";
import { pictureUrl } from "./api.js";
import { Comparison } from "./compare.js";
import { watchControls } from "./controls.js";
import { button, byId } from "./dom.js";
import { drawAccess, drawIndexes } from "./filters.js";
import { Indexes } from "./indexes.js";
import { Memories } from "./memory.js";
import { PAGE_SIZE, Questions } from "./question.js";
import { Results } from "./results.js";
import * as screen from "./screen.js";
import { faultBeforeUpload, uploadFault, watchForPictures } from "./upload.js";
import { quoted } from "./wording.js";

/** @import { Memory } from "./memory.js" */
/** @import { View } from "./address.js" */
/** @import { Answer } from "./question.js" */

const field = byId("q", HTMLInputElement);
const file = byId("file", HTMLInputElement);
const access = byId("access", HTMLFieldSetElement);
const more = byId("more", HTMLButtonElement);
const indexSelect = byId("index", HTMLSelectElement);

const questions = new Questions();
const indexes = new Indexes();
const memories = new Memories();
const comparison = new Comparison(leaveComparison);
const results = new Results({
  onOpen: (id) => void go(likeView(view, id)),
  onCompare: (id) => void go({ ...view, with: id }),
  onAll: () => void go({ ...view, access: "" }),
  onHome: goHome,
  onRetry: () => void show(view, { isAnew: true }),
  onChoose: () => file.click(),
});

/** @type {Answer} */
const NOTHING = { asked: undefined, entries: [], total: 0 };
/** An answer that comes sooner is not announced by grey boxes, in milliseconds. */
const SOON = 150;

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
  if (answer !== undefined && !isAnew && isSameQuestion(indexes.resolve(next), before)) {
    view = indexes.resolve(next);
    await showComparison();
    return;
  }
  answer = undefined;
  comparison.close();
  asking.abort();
  const { signal } = asking = new AbortController();
  const boxes = memory === undefined ? setTimeout(drawWaiting, SOON) : undefined;
  screen.drawBusy(true);
  try {
    await indexes.load(signal);
    view = indexes.resolve(next);
    field.value = view.q;
    drawIndexes(byId("index-choice", HTMLElement), indexSelect, indexes.all, view.index);
    const [found] = await Promise.all([
      memory?.answer ?? (hasIndex() ? questions.ask(view, 0, signal) : NOTHING),
      drawFilters(signal),
    ]);
    if (signal.aborted) return;
    results.draw(view, answer = found, indexes.of(view));
    if (!keepsPlace) place(memory);
    await showComparison();
  } catch (error) {
    if (!signal.aborted) results.drawFault(error, view, questions.asked(view), indexes.of(view));
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

function hasIndex() {
  return view.index !== "";
}

function drawWaiting() {
  results.drawWaiting(view, questions.asked(view), indexes.of(view));
}

/**
 * Puts scroll and focus where they were, else at the top.
 *
 * @param {Memory | undefined} memory
 */
function place(memory) {
  if (memory !== undefined && memory.current >= 0) results.grid.focus(memory.current);
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
  const current = results.grid.list.contains(document.activeElement) ? results.grid.current : -1;
  memories.keep({ answer, scroll: scrollY, current });
}

function goHome() {
  void go(viewOf({ index: indexes.of(view)?.name ?? "" }));
}

/** Opens or closes the comparison, as the address says. */
async function showComparison() {
  const { asked, entries } = answer ?? NOTHING;
  const wanted = view.with;
  if (wanted === "" || asked === undefined) return comparison.close();
  const { signal } = asking;
  try {
    const entry = entries.find(({ id }) => id === wanted) ??
      await questions.compared(view, signal);
    if (signal.aborted || view.with !== wanted) return;
    const next = likeView(view, entry.id);
    const src = pictureUrl(view.index, entry.id);
    comparison.show(asked, { src, entry }, { href: addressOf(next), onOpen: () => go(next) });
  } catch (error) {
    if (signal.aborted || view.with !== wanted) return;
    screen.drawNotice(`Cannot compare: ${error instanceof Error ? error.message : error}`);
  }
}

/** The comparison was closed; where the user did it, the address follows. */
function leaveComparison() {
  if (view.with === "") return;
  const at = answer?.entries.findIndex(({ id }) => id === view.with) ?? -1;
  if (memories.isOurs()) history.back();
  else {
    view = { ...view, with: "" };
    history.replaceState(history.state, "", addressOf(view));
  }
  if (at >= 0) results.grid.focus(at);
}

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
    results.grid.append(added);
    results.grid.focus(first);
    results.drawEnd(view, answer);
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
  const index = indexes.of(view);
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
  onHome: goHome,
  onOthers: () => void showOthers(),
  onMore: () => void showMore(),
});
watchForPictures({ file, drop: byId("drop", HTMLElement) }, {
  onPicture: (picture) => void searchWithPicture(picture),
  onFault: (message) => screen.drawNotice(message, chooseAnother()),
});
addEventListener("popstate", () => {
  remember();
  void show(readAddress(location.search), { memory: memories.recall() });
});

screen.drawQuestion(viewOf(readAddress(location.search)), undefined, undefined);
results.grid.wait();
document.body.classList.remove("starting");
void show(readAddress(location.search));
