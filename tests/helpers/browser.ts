/** The browser of the page's tests. */
import { existsSync } from "node:fs";

/** Debian's Chromium, or what the environment names. */
export const BROWSER: string = Deno.env.get("CHROMIUM") ?? "/usr/bin/chromium";

/** Whether the tests that need the browser are left out: not so in continuous integration. */
export const IS_LEFT_OUT: boolean = !existsSync(BROWSER) && Deno.env.get("CI") !== "true";
