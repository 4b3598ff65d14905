/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/** Pictures of the user's own. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { ROOT } from "../../helpers/run_task.ts";
import {
  check,
  hand,
  headline,
  MOOSE,
  screenshot,
  settled,
  shown,
  status,
  summary,
} from "./check.ts";

check("an own picture: chosen, dropped or pasted", {}, async (page) => {
  await settled(page);
  await page.setInputFiles("#file", MOOSE);
  await shown(page, "Your picture");
  assert.match((await page.locator("#grid .title").first().textContent())!, /^Bull moose/);
  assert.equal(await page.locator("#grid .number").first().textContent(), "1.00");
  await settled(page);
  await page.waitForFunction(() =>
    document.querySelector<HTMLImageElement>(".asked img")?.complete
  );
  assert.ok(await page.locator(".asked img").evaluate((img: HTMLImageElement) => img.naturalWidth));
  await screenshot(page, "upload");
  const dahlia = await Deno.readFile(join(ROOT, "demo/pictures/dahlia_flower.jpg"));
  await hand(page, "drop", "flower.jpg", dahlia);
  await page.locator(".asked .lead", { hasText: "flower.jpg" }).waitFor();
  assert.match((await page.locator("#grid .title").first().textContent())!, /^Dahlia/);
  await hand(page, "paste", "moose.jpg", await Deno.readFile(MOOSE));
  await page.locator(".asked .lead", { hasText: "moose.jpg" }).waitFor();
  await page.goBack();
  await page.locator(".asked .lead", { hasText: "flower.jpg" }).waitFor();
  await page.check("#access input[value=nb]");
  await status(page, /^3 pictures like yours/);
  await page.reload();
  await headline(page, "Your picture is not here any more");
});

check("what is no picture is refused in plain words", { complaint: /422/ }, async (page, site) => {
  await settled(page);
  await hand(page, "drop", "letter.doc", 1000);
  const notice = page.locator(".notice p");
  await notice.waitFor();
  assert.match((await notice.textContent())!, /^“letter.doc” cannot be used: .+\.$/);
  assert.equal(await summary(page), "50 of 54 at random");
  await page.click("text=Dismiss");
  await hand(page, "paste", "film.mov", 20_000_001);
  await notice.waitFor();
  assert.equal(await notice.textContent(), "“film.mov” is too large: 21 MB, at most 20 MB.");
  await page.goto(site.withoutUploads);
  await settled(page);
  await hand(page, "drop", "moose.jpg", await Deno.readFile(MOOSE));
  await notice.waitFor();
  assert.match((await notice.textContent())!, /--no-uploads/);
});

check("dragging a file over the page says what dropping does", {}, async (page) => {
  const drag = (type: string) =>
    page.evaluate((type) => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(["x"], "x.png"));
      document.body.dispatchEvent(new DragEvent(type, { bubbles: true, dataTransfer }));
    }, type);
  await drag("dragenter");
  assert.ok(await page.getByText("Drop the picture to find its like").isVisible());
  await drag("dragleave");
  assert.ok(await page.locator("#drop").isHidden());
});
