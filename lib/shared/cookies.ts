/** The cookies of one chain of redirects. */

/** Longest cookie that is kept, and most cookies of one host. */
const MAX_LENGTH = 4096;
const MAX_COOKIES = 50;

/** Cookies that a chain of redirects has set, for the host alone that set them. */
export class Cookies {
  readonly #byHost = new Map<string, Map<string, string>>();

  /** Keeps what an answer of the URL sets. */
  keep({ host, protocol }: URL, headers: Headers): void {
    for (const text of headers.getSetCookie()) {
      const [pair = "", ...attributes] = text.split(";").map((part) => part.trim());
      const equals = pair.indexOf("=");
      if (equals <= 0 || pair.length > MAX_LENGTH || !/^[\x20-\x7e]+$/.test(pair)) continue;
      // What is for https alone may not be set, nor sent, over plain http.
      if (protocol !== "https:" && attributes.some((name) => /^secure$/i.test(name))) continue;
      const cookies = this.#byHost.get(`${protocol}${host}`) ?? new Map();
      this.#byHost.set(`${protocol}${host}`, cookies.set(pair.slice(0, equals), pair));
      if (cookies.size > MAX_COOKIES) cookies.delete(cookies.keys().next().value);
    }
  }

  /** The header that a request to the URL sends; undefined if nothing is set. */
  header({ host, protocol }: URL): string | undefined {
    const cookies = this.#byHost.get(`${protocol}${host}`);
    return cookies && [...cookies.values()].join("; ");
  }
}
