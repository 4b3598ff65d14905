/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/** Odd records, empty indexes, servers that are gone or slow. */
import assert from "node:assert/strict";
import { HOSTILE } from "../../helpers/site.ts";
import {
  ASTRONAUT,
  cards,
  check,
  endOf,
  hand,
  heading,
  headline,
  idle,
  screenshot,
  settled,
  shown,
  status,
} from "./check.ts";

check(
  "texts of records are text, however odd",
  { path: "?index=odd", complaint: /404/ },
  async (page) => {
    await page.locator("#grid li").nth(4).waitFor();
    await page.waitForFunction(() => document.querySelectorAll("#grid .placed").length === 5);
    await screenshot(page, "odd");
    const hostile = page.locator("#grid li.lost", { hasText: "onerror" });
    assert.equal(await hostile.locator(".title").textContent(), HOSTILE);
    assert.equal(await hostile.locator(".lost-title").textContent(), HOSTILE);
    assert.equal(await page.locator("#grid .title", { hasText: "Untitled" }).count(), 1);
    await hostile.locator("a").click();
    await shown(page, HOSTILE);
    assert.equal(new URL(page.url()).searchParams.get("id"), "odd/1?&#");
    await page.getByText("No picture to show").first().waitFor();
    assert.match((await page.locator(".facts").textContent())!, /<b>Nobody<\/b>/);
    await page.locator("#grid li").first().getByRole("button").click();
    await page.locator("dialog .name", { hasText: "onerror" }).waitFor();
    await page.waitForFunction(() =>
      document.querySelectorAll("dialog img, .asked img").length === 1
    );
    await page.keyboard.press("Escape");
    await page.waitForURL((url) => !url.searchParams.has("with"));
    await page.fill("#q", HOSTILE);
    await page.press("#q", "Enter");
    await status(page, /with the words “<img/);
    assert.match(await page.title(), /^“<img/);
  },
);

check(
  "an empty index, and what is not there, are said",
  { path: "?index=empty", complaint: /404/ },
  async (page, site) => {
    await headline(page, "This index has no pictures yet");
    await page.selectOption("#index", "images.knn");
    await settled(page);
    await page.goto(`${site.url}?index=images.knn&id=nothing`);
    await headline(page, "That is not here");
    await page.goto(`${site.url}?index=nothing`);
    await headline(page, "That is not here");
    await page.click("text=Show random pictures");
    await settled(page);
  },
);

check(
  "an access that no document has is named as it is written",
  { path: "?access=constructor" },
  async (page) => {
    await headline(page, "No other picture is here");
    assert.match((await page.locator("#empty").textContent())!, /Only “Constructor” was searched/);
    assert.match((await page.locator("#access").textContent())!, /Constructor 0$/);
  },
);

check("a server that is gone can be tried again", { complaint: /ERR_INTERNET/ }, async (page) => {
  await settled(page);
  await page.context().setOffline(true);
  await cards(page).first().click();
  await headline(page, "The server does not answer");
  assert.equal(await page.locator("#grid li").count(), 0);
  await page.context().setOffline(false);
  await page.click("text=Try again");
  await status(page, /^50 pictures of 53 like/);
});

check("a slow answer never takes the place of a later one", {}, async (page) => {
  await settled(page);
  const late = Promise.withResolvers<void>();
  const moose = endOf(page, /text.*moose/);
  await page.route("**/text/**", async (route) => {
    if (route.request().url().includes("moose")) await late.promise;
    await route.continue().catch(() => {}); // Given up by the page, as it should be.
  });
  await page.fill("#q", "moose");
  await page.press("#q", "Enter");
  await page.locator("#grid .box").first().waitFor();
  await page.fill("#q", "dahlia");
  await page.press("#q", "Enter");
  await status(page, /“dahlia”/);
  late.resolve();
  await moose;
  await idle(page);
  assert.equal(await heading(page), "dahlia");
  assert.match((await page.locator("#grid .title").first().textContent())!, /^Dahlia/);
});

check(
  "a comparison that comes late does not open once it is left",
  { path: ASTRONAUT },
  async (page) => {
    await settled(page);
    await page.click("#more");
    await status(page, /^53 pictures like/);
    await page.locator("#grid li").nth(52).getByRole("button", { includeHidden: true })
      .evaluate((button: HTMLElement) => button.click());
    await page.locator("dialog").waitFor();
    const late = Promise.withResolvers<void>();
    await page.route(/similarity.*size=1000/, async (route) => {
      await late.promise;
      await route.continue();
    });
    const asked = page.waitForRequest(/similarity.*size=1000/);
    await page.reload();
    await asked;
    await page.goBack();
    await page.waitForURL((url) => !url.searchParams.has("with"));
    const answered = page.waitForResponse(/similarity.*size=1000/);
    late.resolve();
    await (await answered).finished();
    await idle(page);
    assert.ok(await page.locator("dialog").isHidden());
  },
);

check(
  "more can be had after a picture was refused meanwhile",
  { path: ASTRONAUT, complaint: /422/ },
  async (page) => {
    await settled(page);
    const late = Promise.withResolvers<void>();
    await page.route(/similarity.*offset=50/, async (route) => {
      await late.promise;
      await route.continue().catch(() => {}); // Given up by the page, as it should be.
    }, { times: 1 });
    await page.click("#more");
    await hand(page, "drop", "letter.doc", 1000);
    await page.locator(".notice p").waitFor();
    late.resolve();
    await page.click("#more");
    await status(page, /^53 pictures like/);
  },
);
