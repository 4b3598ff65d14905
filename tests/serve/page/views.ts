/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/** Random pictures, the nearest of one, words, and the way back. */
import assert from "node:assert/strict";
import {
  ASTRONAUT,
  cards,
  check,
  heading,
  headline,
  hrefs,
  SCAN,
  screenshot,
  settled,
  shown,
  status,
  summary,
} from "./check.ts";

check(
  "the first look: random pictures in their shapes, and others at a click",
  {},
  async (page) => {
    await settled(page);
    assert.equal(await heading(page), "Find pictures that look alike");
    assert.equal(await summary(page), "50 of 54 at random");
    await screenshot(page, "first_light");
    const distortions = await cards(page).evaluateAll((items) =>
      items.map((item) => {
        const { clientWidth: w, clientHeight: h } = item.querySelector(".frame")!;
        const { naturalWidth, naturalHeight } = item.querySelector("img")!;
        return Math.abs((w / h) / (naturalWidth / naturalHeight) - 1);
      })
    );
    assert.ok(distortions.length > 8 && Math.max(...distortions) < 0.03, `${distortions}`);
    const order = () => page.locator("#grid .title").allTextContents();
    const before = await order();
    const text = await page.locator("#grid").textContent();
    await page.click("#others");
    await page.waitForFunction((t) => t !== document.querySelector("#grid")?.textContent, text);
    await settled(page);
    assert.notDeepEqual(await order(), before);
  },
);

check("a picture leads to its nearest, and these lead on", {}, async (page) => {
  await settled(page);
  await cards(page).nth(3).click();
  await status(page, /^50 pictures of 53 like “/);
  await settled(page);
  const similarities = (await page.locator("#grid .number").allTextContents()).map(Number);
  assert.equal(similarities.length, 50);
  assert.deepEqual(similarities, similarities.toSorted((a, b) => b - a));
  assert.ok(similarities[0]! > 0.8);
  const title = await page.locator("#grid .title").first().textContent();
  assert.match(await page.title(), /^Pictures like “.+” – Maken$/);
  const link = page.locator(".asked a.out");
  const id = new URL(page.url()).searchParams.get("id");
  assert.equal(await link.getAttribute("href"), `https://www.nb.no/items/${id}`);
  assert.equal(await link.getAttribute("rel"), "noopener");
  await page.locator("#grid a").first().click();
  await shown(page, title!);
  assert.equal(await page.evaluate(() => scrollY), 0);
});

check("more gives the next part", { path: ASTRONAUT }, async (page) => {
  await settled(page);
  await page.click("#more");
  await status(page, /^53 pictures like/);
  assert.equal(await page.locator("#grid li").count(), 53);
  assert.ok(await page.locator("#more").isHidden());
  const ids = await hrefs(page);
  assert.equal(new Set(ids).size, 53);
});

check("words, and an access that stays in every view", { isDark: true }, async (page) => {
  await settled(page);
  await screenshot(page, "first_dark");
  await page.fill("#q", "nikola tesla");
  await page.press("#q", "Enter");
  await status(page, /^9 pictures with the words “nikola tesla”/);
  await page.check("#access input[value=library]");
  await headline(page, "No picture with “nikola tesla”");
  await screenshot(page, "empty");
  await page.click("text=Search all");
  await status(page, /^9 pictures/);
  await page.check("#access input[value=nb]");
  await status(page, /^1 picture with/);
  await page.locator("#grid a").click();
  await status(page, /^2 pictures like “Nikola Tesla/);
  assert.equal(new URL(page.url()).searchParams.get("access"), "nb");
  assert.ok(await page.locator("#access input[value=nb]").isChecked());
});

check("back and forward show each view as it was; so does its address", {}, async (page) => {
  await settled(page);
  const titles = () => page.locator("#grid .title").allTextContents();
  const random = await titles();
  await cards(page).nth(12).scrollIntoViewIfNeeded();
  const scroll = await page.evaluate(() => scrollY) + 300;
  await page.mouse.wheel(0, 300);
  // Chromium scrolls there over several frames; a link that is followed before would keep less.
  await page.waitForFunction((end) => scrollY > 200 && Math.abs(scrollY - end) < 2, scroll);
  await settled(page);
  await page.locator("#grid a").nth(12).evaluate((link: HTMLAnchorElement) => link.click());
  await status(page, /like/);
  await settled(page);
  const [near, title, url] = [await titles(), await heading(page), page.url()];
  await page.fill("#q", "moose");
  await page.press("#q", "Enter");
  await status(page, /“moose”/);
  await page.goBack();
  await shown(page, title!);
  await settled(page);
  assert.deepEqual(await titles(), near);
  await page.goBack();
  await shown(page, "Find pictures that look alike");
  await settled(page);
  assert.deepEqual(await titles(), random);
  assert.ok(Math.abs(await page.evaluate(() => scrollY) - scroll) < 2);
  await page.goForward();
  await shown(page, title!);
  await page.goForward();
  await shown(page, "moose");
  assert.equal(await page.inputValue("#q"), "moose");
  await page.goto(url);
  await shown(page, title!);
  await settled(page);
  assert.deepEqual(await titles(), near);
});

check(
  "what links two pictures is shown in a dialog with an address",
  { path: ASTRONAUT },
  async (page) => {
    const dialog = page.locator("dialog");
    const first = page.locator("#grid li").first();
    await first.getByRole("button").click();
    await dialog.waitFor();
    assert.equal(new URL(page.url()).searchParams.get("with"), SCAN);
    assert.match((await dialog.locator(".near").textContent())!, /Similarity 0\.97/);
    assert.match(
      (await dialog.locator(".sentence").textContent())!,
      /share the creator NASA and the/,
    );
    assert.deepEqual(await dialog.locator("mark").first().allTextContents(), ["NASA (in both)"]);
    await page.waitForFunction(() =>
      [...document.querySelectorAll<HTMLImageElement>("dialog img")].every((i) =>
        i.naturalWidth > 0
      )
    );
    await screenshot(page, "compare");
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
    await page.waitForURL((url) => !url.searchParams.has("with"));
    assert.ok(await first.evaluate((item) => item.contains(document.activeElement)));
    await page.goForward();
    await dialog.waitFor();
    await page.reload();
    await dialog.waitFor();
    await page.click("text=Pictures like this one");
    await shown(page, "Portrait of the astronaut Eileen Collins : scan of a print");
    assert.ok(await dialog.isHidden());
    await page.goBack();
    await dialog.waitFor();
    await dialog.getByRole("button", { name: "Close" }).click();
    await shown(page, "Portrait of the astronaut Eileen Collins");
  },
);

check("a double click is one step, which Back undoes", {}, async (page) => {
  await settled(page);
  const steps = () => page.evaluate(() => history.length);
  const before = await steps();
  await cards(page).nth(3).dblclick();
  await status(page, /like “/);
  assert.equal(await steps(), before + 1);
  await page.goBack();
  await shown(page, "Find pictures that look alike");
});

check("the skip link leaves the way back as it was", {}, async (page) => {
  await settled(page);
  const titles = () => page.locator("#grid .title").allTextContents();
  const random = await titles();
  await cards(page).nth(3).click();
  await status(page, /like “/);
  await page.locator(".skip").focus();
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => url.hash === "#results");
  await page.goBack();
  await page.goBack();
  await shown(page, "Find pictures that look alike");
  await settled(page);
  assert.deepEqual(await titles(), random);
});
