/** The browser of the page's tests: Debian's Chromium, or what the environment names. */
export const BROWSER: string = Deno.env.get("CHROMIUM") ?? "/usr/bin/chromium";
