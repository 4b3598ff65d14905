/**
 * What a user of the web page notices, in a real browser. tests/serve/page_test.ts runs this in a
 * process of its own and reads the lines of JSON that it prints, one for each check. An argument
 * takes the checks with these words in their names alone.
 */
import assert from "node:assert/strict";
import { type Browser, chromium } from "playwright-core";
import { BROWSER } from "../../helpers/browser.ts";
import { type Site, startSite } from "../../helpers/site.ts";
import { type Check, checks, SCREENSHOTS } from "./check.ts";
import "./views.ts";
import "./own_pictures.ts";
import "./reach.ts";
import "./faults.ts";

/** Makes a check, and tells what the browser complained of meanwhile. */
async function run(browser: Browser, site: Site, made: Check): Promise<void> {
  const { width = 1440, height = 900, path = "", isDark = false, isPhone = false } = made;
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: isDark ? "dark" : "light",
    hasTouch: isPhone,
    isMobile: isPhone,
    reducedMotion: "reduce",
  });
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(30_000);
    const complaints: string[] = [];
    page.on("console", (message) => void complaints.push(message.text()));
    page.on("pageerror", (error) => void complaints.push(String(error)));
    await page.goto(site.url + path);
    await made.body(page, site);
    const unexpected = complaints.filter((text) => made.complaint?.test(text) !== true);
    assert.deepEqual(unexpected, []);
  } finally {
    await context.close();
  }
}

const only = Deno.args[0] ?? "";
await Deno.mkdir(SCREENSHOTS, { recursive: true });
await using site = await startSite();
const browser = await chromium.launch({ executablePath: BROWSER, args: ["--no-sandbox"] });
for (const made of checks.filter(({ name }) => name.includes(only))) {
  const error = await run(browser, site, made).then(() => undefined, (error) => error);
  const outcome = { name: made.name, error: error?.stack };
  await Deno.stdout.write(new TextEncoder().encode(`${JSON.stringify(outcome)}\n`));
}
await browser.close();
