/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/** The keyboard and the phone. */
import assert from "node:assert/strict";
import {
  ASTRONAUT,
  cards,
  check,
  hrefs,
  SCAN,
  screenshot,
  settled,
  shown,
  status,
} from "./check.ts";

check("everything can be done by keyboard", {}, async (page) => {
  const focused = () => page.evaluate(() => document.activeElement!.textContent!.trim());
  const press = async (...keys: string[]) => {
    for (const key of keys) await page.keyboard.press(key);
  };
  await settled(page);
  await press("Tab");
  assert.equal(await focused(), "Skip to the pictures");
  await press("/");
  await page.keyboard.type("tesla");
  await press("Enter");
  await status(page, /^9 pictures with/);
  await settled(page);
  await page.locator("#results").focus();
  await press("Tab", "ArrowRight");
  await status(page, /^8 pictures with/);
  await settled(page);
  await press("Tab");
  const titles = await page.locator("#grid .title").allTextContents();
  assert.ok((await focused()).startsWith(titles[0]!), await focused());
  await press("ArrowRight", "ArrowRight", "ArrowLeft");
  assert.ok((await focused()).startsWith(titles[1]!));
  await press("ArrowDown");
  const below = await page.evaluate(() => {
    const top = (link: Element) => link.getBoundingClientRect().top;
    return top(document.activeElement!) > top(document.querySelector("#grid a")!);
  });
  assert.ok(below);
  await press("End", "Home", "Enter");
  await shown(page, titles[0]!);
  await settled(page);
  await page.locator("#results").focus();
  await press("Tab", "Tab");
  const nearest = await page.locator("#grid .title").allTextContents();
  assert.ok((await focused()).startsWith(nearest[0]!), await focused());
  await press("ArrowRight", "c");
  await page.locator("dialog").waitFor();
  await press("Escape");
  await page.locator("dialog").waitFor({ state: "hidden" });
  assert.equal(await page.locator("#grid a[tabindex='0']").count(), 1);
});

for (const width of [360, 390]) {
  check(`a phone ${width} px wide needs no sideways scrolling`, {
    ...{ path: ASTRONAUT, width, height: 800, isPhone: true, isDark: width === 390 },
    complaint: /404/,
  }, async (page, site) => {
    const fits = async () =>
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
    await settled(page);
    await fits();
    await screenshot(page, `phone_nearest_${width}`);
    await page.goto(`${site.url}${ASTRONAUT}&with=${SCAN}`);
    await page.locator("dialog").waitFor();
    await fits();
    await screenshot(page, `phone_compare_${width}`);
    await page.goto(`${site.url}?index=odd`);
    await settled(page);
    await fits();
    for (const href of await hrefs(page)) {
      await page.goto(href);
      await status(page, /^4 pictures/);
      await fits();
    }
    await page.goto(site.url);
    await settled(page);
    await fits();
    await screenshot(page, `phone_${width}`);
    const tops = await cards(page).evaluateAll((items) =>
      items.map((item) => item.getBoundingClientRect().top)
    );
    assert.ok(tops.filter((top) => top < 700).length >= 2, "pictures on the first screen");
  });
}
