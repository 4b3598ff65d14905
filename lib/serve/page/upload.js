// @ts-check
/// <reference lib="dom" />
/** Pictures of the user's own: dropped, pasted or chosen. */
import { ApiError } from "./api.js";

/** The server takes no more, in bytes. */
const MAX_BYTES = 20_000_000;

/**
 * @typedef {object} UploadParts
 * @property {HTMLInputElement} file
 * @property {HTMLElement} drop the hint while something is dragged over the page
 */

/**
 * Watches for pictures.
 *
 * @param {UploadParts} parts
 * @param {{ onPicture: (picture: File) => void, onFault: (message: string) => void }} handlers
 */
export function watchForPictures({ file, drop }, { onPicture, onFault }) {
  file.addEventListener("change", () => {
    const [picture] = file.files ?? [];
    if (picture !== undefined) onPicture(picture);
    // The same file can be chosen again.
    file.value = "";
  });

  document.addEventListener("paste", (event) => {
    const [picture] = event.clipboardData?.files ?? [];
    if (picture === undefined) return;
    event.preventDefault();
    onPicture(picture);
  });

  // Counted, as each element on the way is entered and left.
  let depth = 0;
  /** @param {DragEvent} event */
  const isOurs = ({ dataTransfer }) =>
    dataTransfer !== null && ["Files", "text/uri-list"].some((t) => dataTransfer.types.includes(t));
  document.addEventListener("dragenter", (event) => {
    if (!isOurs(event)) return;
    event.preventDefault();
    drop.hidden = ++depth === 0;
  });
  document.addEventListener("dragover", (event) => {
    if (!isOurs(event)) return;
    event.preventDefault();
    if (event.dataTransfer !== null) event.dataTransfer.dropEffect = "copy";
  });
  document.addEventListener("dragleave", (event) => {
    if (isOurs(event)) drop.hidden = (depth = Math.max(0, depth - 1)) === 0;
  });
  document.addEventListener("drop", (event) => {
    depth = 0;
    drop.hidden = true;
    if (!isOurs(event)) return;
    event.preventDefault();
    const [picture] = event.dataTransfer?.files ?? [];
    if (picture !== undefined) onPicture(picture);
    else onFault("That was a link. Save the picture first, or copy and paste it.");
  });
}

/**
 * Why a picture need not be sent at all; undefined if it may be fine.
 *
 * @param {File} picture
 */
export function faultBeforeUpload({ name, size }) {
  if (size === 0) return `“${name}” is empty.`;
  if (size <= MAX_BYTES) return undefined;
  return `“${name}” is too large: ${Math.ceil(size / 1e6)} MB, at most ${MAX_BYTES / 1e6} MB.`;
}

/**
 * Why a picture was refused, in plain words.
 *
 * @param {unknown} error
 * @param {string} name of its file
 */
export function uploadFault(error, name) {
  if (!(error instanceof ApiError)) return `“${name}” cannot be used.`;
  if (error.status === 413) return `“${name}” is too large for the server.`;
  // Of "Cannot read the picture: it is empty", the reason.
  const reason = /^Cannot [^:]*: (.*)$/s.exec(error.message)?.[1];
  return reason === undefined ? error.message : `“${name}” cannot be used: ${reason}.`;
}
