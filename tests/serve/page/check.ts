/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/** What the checks of the page have in common. */
import { join } from "node:path";
import type { Page, Request } from "playwright-core";
import { ROOT } from "../../helpers/run_task.ts";
import type { Site } from "../../helpers/site.ts";

/** Folder of the screenshots, which are for people to look at. */
export const SCREENSHOTS: string = join(ROOT, "tests/screenshots");
/** A picture of the index, as a file. */
export const MOOSE: string = join(ROOT, "demo/pictures/bull_moose.jpg");
/** Address of the view of one picture, and its nearest. */
export const ASTRONAUT = "?index=images.knn&id=d8d16e0555dede236ee9d89d1ddda8cc";
export const SCAN = "d9f56b8976f234698fab003dc9dc19b8";

/** One check of the page, in a window of its own. */
export interface Check {
  readonly name: string;
  /** Address it begins at, below the site's. */
  readonly path?: string;
  readonly width?: number;
  readonly height?: number;
  readonly isDark?: boolean;
  readonly isPhone?: boolean;
  /** What the browser may complain of. */
  readonly complaint?: RegExp;
  readonly body: (page: Page, site: Site) => Promise<void>;
}

/** All checks, in the order of their making. */
export const checks: Check[] = [];
/** Adds a check. */
export const check = (name: string, options: Omit<Check, "name" | "body">, body: Check["body"]) =>
  void checks.push({ name, ...options, body });

export const cards = (page: Page) => page.locator("#grid li.loaded.placed");
export const summary = (page: Page) => page.locator("#summary").textContent();
export const heading = (page: Page) => page.locator("#heading").textContent();
/** Waits until the view of this heading has its answer: keys and focus are where they will be. */
export const shown = (page: Page, title: string) =>
  page.waitForFunction((t) =>
    document.querySelector("#heading")?.textContent === t &&
    document.querySelector("#results[aria-busy=false]") !== null, title);
export const status = (page: Page, text: RegExp) =>
  page.locator("#status").filter({ hasText: text }).waitFor({ state: "attached" });
export const headline = (page: Page, text: string) =>
  page.locator("#empty .headline", { hasText: text }).waitFor();
/** Addresses that the pictures lead to. */
export const hrefs = (page: Page) =>
  page.locator("#grid a").evaluateAll((links) =>
    links.map((link) => (link as HTMLAnchorElement).href)
  );
/** Waits until the answer is there, and all pictures on the screen are in their places. */
export const settled = (page: Page) =>
  page.waitForFunction(() => {
    const all = [...document.querySelectorAll("#results[aria-busy=false] #grid li")];
    const seen = all.filter((li) => li.getBoundingClientRect().top < innerHeight);
    return seen.length > 0 && seen.every((li) => li.matches(".placed.loaded, .placed.lost"));
  });
/** The end of the next request to such an address: it has its answer, or was given up. */
export function endOf(page: Page, address: RegExp): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const onEnd = (request: Request) => void (address.test(request.url()) && resolve());
  page.on("requestfinished", onEnd).on("requestfailed", onEnd);
  return promise;
}
/** Waits until the page has nothing more to do with what has come. */
export const idle = (page: Page) =>
  page.evaluate(() =>
    new Promise((resolve) => requestIdleCallback(() => requestAnimationFrame(resolve)))
  );
export const screenshot = (page: Page, name: string) =>
  page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) });

/** Drops or pastes a file, as the browser hands it to the page; of a number, one of that size. */
export async function hand(
  page: Page,
  type: "drop" | "paste",
  name: string,
  content: Uint8Array | number,
) {
  const bytes = typeof content === "number" ? content : Array.from(content);
  await page.evaluate(([type, name, bytes]) => {
    const data = new DataTransfer();
    const part = typeof bytes === "number" ? new Uint8Array(bytes) : Uint8Array.from(bytes);
    data.items.add(new File([part], name));
    const init = { bubbles: true, cancelable: true };
    document.body.dispatchEvent(
      type === "drop"
        ? new DragEvent("drop", { ...init, dataTransfer: data })
        : new ClipboardEvent("paste", { ...init, clipboardData: data }),
    );
  }, [type, name, bytes] as const);
}
