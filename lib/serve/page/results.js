// @ts-check
/// <reference lib="dom" />
/** The results of a view: the question, the grid of pictures, the way to more, or why there is none. */
import { addressOf, kindOf, likeView } from "./address.js";
import { pictureUrl } from "./api.js";
import { button, byId } from "./dom.js";
import { Grid } from "./grid.js";
import { PictureGone } from "./question.js";
import * as screen from "./screen.js";

/** @import { IndexInfo } from "./api.js" */
/** @import { AskedPicture } from "./asked.js" */
/** @import { View } from "./address.js" */
/** @import { Answer } from "./question.js" */

/**
 * @typedef {object} ResultsHandlers
 * @property {(id: string) => void} onOpen the nearest of an item are wanted
 * @property {(id: string) => void} onCompare
 * @property {() => void} onAll whatever the access
 * @property {() => void} onHome
 * @property {() => void} onRetry
 * @property {() => void} onChoose a picture of the user's own
 */

const others = byId("others", HTMLButtonElement);
const more = byId("more", HTMLButtonElement);

export class Results {
  /** The pictures. */
  grid = new Grid(byId("grid", HTMLUListElement));
  #handlers;

  /** @param {ResultsHandlers} handlers */
  constructor(handlers) {
    this.#handlers = handlers;
  }

  /**
   * Grey boxes under the question, as far as it is known.
   *
   * @param {View} view
   * @param {AskedPicture | undefined} asked
   * @param {IndexInfo | undefined} index
   */
  drawWaiting(view, asked, index) {
    screen.clearNotices();
    screen.drawQuestion(view, asked, index?.documents);
    this.grid.wait();
    more.hidden = others.hidden = true;
    if (kindOf(view) !== "random") scrollTo(0, 0);
  }

  /**
   * @param {View} view
   * @param {Answer} answer
   * @param {IndexInfo | undefined} index
   */
  draw(view, answer, index) {
    const { onOpen, onCompare, onAll, onHome } = this.#handlers;
    screen.clearNotices();
    screen.drawQuestion(view, answer.asked, index?.documents);
    this.grid.show(answer.entries, {
      picture: ({ id }) => pictureUrl(view.index, id),
      href: ({ id }) => addressOf(likeView(view, id)),
      onOpen: ({ id }) => onOpen(id),
      onCompare: answer.asked && (({ id }) => onCompare(id)),
    });
    this.drawEnd(view, answer);
    if (answer.entries.length > 0) return;
    if (view.index === "") {
      screen.drawEmpty("There is no index yet", "Make one with “deno task ingest”.");
    } else {
      screen.drawNothing(view, { isIndexEmpty: index?.documents === 0, onAll, onHome });
    }
  }

  /**
   * How many there are, and the way to others.
   *
   * @param {View} view
   * @param {Answer} answer
   */
  drawEnd(view, answer) {
    const { entries, total } = answer;
    screen.drawSummary(view, answer);
    const isRandom = kindOf(view) === "random";
    others.hidden = !isRandom || total <= entries.length;
    more.hidden = isRandom ? others.hidden : entries.length === 0 || entries.length >= total;
    more.textContent = isRandom ? "Show others" : "Show more";
  }

  /**
   * There is no answer.
   *
   * @param {unknown} error
   * @param {View} view
   * @param {AskedPicture | undefined} asked
   * @param {IndexInfo | undefined} index
   */
  drawFault(error, view, asked, index) {
    const { onHome, onRetry, onChoose } = this.#handlers;
    this.grid.show([], {
      picture: () => "",
      href: () => "",
      onOpen: () => {},
      onCompare: undefined,
    });
    more.hidden = others.hidden = true;
    screen.clearNotices();
    screen.drawQuestion(view, asked, index?.documents);
    if (error instanceof PictureGone) {
      screen.drawEmpty(
        "Your picture is not here any more",
        "It was never stored, so it is gone once the page is loaded anew. Choose it again.",
        [button("Use a picture", onChoose), button("Show random pictures", onHome, "plain")],
      );
    } else screen.drawFault(error, { onRetry, onHome });
  }
}
