// @ts-check
/// <reference lib="dom" />
/** The choices that apply to every view: access and index. */
import { el } from "./dom.js";
import { accessName, count } from "./wording.js";

/** @import { Facet, IndexInfo } from "./api.js" */

/**
 * Draws the choice of access: all, or one of those that there are.
 *
 * @param {HTMLFieldSetElement} fieldset
 * @param {readonly Facet[]} facets
 * @param {string} chosen
 * @param {(access: string) => void} onChoose
 */
export function drawAccess(fieldset, facets, chosen, onChoose) {
  const named = facets.filter(({ value }) => value !== "");
  if (chosen !== "" && !named.some(({ value }) => value === chosen)) {
    named.push({ value: chosen, count: 0 });
  }
  fieldset.hidden = named.length < 2 && chosen === "";
  const all = { value: "", count: facets.reduce((sum, { count }) => sum + count, 0) };
  const wanted = JSON.stringify([all, ...named]);
  // Left alone where nothing changed but the choice, lest the focus is lost.
  if (fieldset.dataset.drawn !== wanted) {
    fieldset.dataset.drawn = wanted;
    fieldset.replaceChildren(
      el("legend", { class: "unseen" }, "Access"),
      ...[all, ...named].map((facet) => chip(facet, onChoose)),
    );
  }
  for (const radio of fieldset.querySelectorAll("input")) radio.checked = radio.value === chosen;
}

/**
 * @param {Facet} facet
 * @param {(access: string) => void} onChoose
 */
function chip({ value, count: documents }, onChoose) {
  const radio = el("input", { type: "radio", name: "access", value });
  radio.addEventListener("change", () => onChoose(value));
  const name = value === "" ? "All" : accessName(value);
  return el(
    "label",
    { class: "chip" },
    radio,
    el("span", {}, `${name} `, el("span", { class: "count" }, count(documents))),
  );
}

/**
 * Draws the choice of index, where there is one.
 *
 * @param {HTMLElement} label
 * @param {HTMLSelectElement} select
 * @param {readonly IndexInfo[]} indexes
 * @param {string} chosen
 */
export function drawIndexes(label, select, indexes, chosen) {
  label.hidden = indexes.length < 2;
  const options = indexes.map(({ name }) => el("option", { value: name }, name));
  select.replaceChildren(...options);
  select.value = chosen;
}
