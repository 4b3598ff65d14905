// @ts-check
/// <reference lib="dom" />
/** The page's own controls: search field, home, index, more. */
import { part } from "./dom.js";

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
  const field = part("q", HTMLInputElement);
  const index = part("index", HTMLSelectElement);
  part("words", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    onWords(field.value.trim());
  });
  part("home", HTMLAnchorElement).addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    onHome();
  });
  part("choose", HTMLButtonElement).addEventListener("click", () => {
    part("file", HTMLInputElement).click();
  });
  index.addEventListener("change", () => onIndex(index.value));
  part("others", HTMLButtonElement).addEventListener("click", onOthers);
  part("more", HTMLButtonElement).addEventListener("click", onMore);
  document.addEventListener("keydown", (event) => {
    const isElsewhere = event.target instanceof Element &&
      event.target.closest("input, select, dialog") !== null;
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isElsewhere) return;
    event.preventDefault();
    field.focus();
    field.select();
  });
}
