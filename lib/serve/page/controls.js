// @ts-check
/// <reference lib="dom" />
/** The page's own controls: search field, home, index, more. */
import { byId } from "./dom.js";

/**
 * @typedef {object} ControlHandlers
 * @property {(words: string) => void} onWords
 * @property {(index: string) => void} onIndex
 * @property {() => void} onHome
 * @property {() => void} onOthers
 * @property {() => void} onMore
 */

/**
 * Watches the controls.
 *
 * @param {ControlHandlers} handlers
 */
export function watchControls({ onWords, onIndex, onHome, onOthers, onMore }) {
  const field = byId("q", HTMLInputElement);
  const index = byId("index", HTMLSelectElement);
  byId("words", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    onWords(field.value.trim());
  });
  byId("home", HTMLAnchorElement).addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    onHome();
  });
  byId("choose", HTMLButtonElement).addEventListener("click", () => {
    byId("file", HTMLInputElement).click();
  });
  index.addEventListener("change", () => onIndex(index.value));
  byId("others", HTMLButtonElement).addEventListener("click", onOthers);
  byId("more", HTMLButtonElement).addEventListener("click", onMore);
  document.addEventListener("keydown", (event) => {
    const isElsewhere = event.target instanceof Element &&
      event.target.closest("input, select, dialog") !== null;
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isElsewhere) return;
    event.preventDefault();
    field.focus();
    field.select();
  });
}
