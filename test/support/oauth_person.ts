/**
 * A person with a browser, who logs in at the gateway's pages and allows or denies a client: cookies,
 * forms, redirects and `<meta http-equiv="refresh">`, as a browser without scripts does them.
 */

/** Sends one request; a test can give `handler.fetch`, or the `fetch` of the platform. */
export type SendRequest = (request: Request) => Promise<Response>;

/** A page that the browser shows. */
export interface ShownPage {
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly html: string;
  /** Where the browser goes on by itself, which no gateway serves: the client's redirect. */
  readonly leavesTo: string | undefined;
}

/** The browser. */
export interface TestBrowser {
  /** Opens a URL and follows redirects within its origin. */
  open(url: string): Promise<ShownPage>;
  /** Fills in and sends the form of a page that has this field or button. */
  submit(page: ShownPage, fields: Readonly<Record<string, string>>): Promise<ShownPage>;
  /** The cookies, by their names; a test may change them. */
  readonly cookies: Map<string, string>;
}

/** What a person knows. */
export interface PersonOptions {
  readonly send?: SendRequest;
  readonly name: string;
  readonly password: string;
  readonly decision?: "allow" | "deny";
}

const redirectsMax = 10;

/** Opens a browser; `origin` is sent with forms in the place of the page's own. */
export function openBrowser(send: SendRequest = fetchOnce, origin?: string): TestBrowser {
  const cookies = new Map<string, string>();
  const ask = async (url: string, init: RequestInit = {}): Promise<Response> => {
    const headers = new Headers(init.headers);
    const { host } = new URL(url);
    headers.set("host", host);
    headers.set("accept", "text/html");
    if (cookies.size > 0) {
      headers.set("cookie", [...cookies].map(([name, value]) => `${name}=${value}`).join("; "));
    }
    const response = await send(new Request(url, { ...init, headers, redirect: "manual" }));
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      cookies.set(name, value);
    }
    return response;
  };
  const go = async (first: string, init?: RequestInit): Promise<ShownPage> => {
    let url = first;
    let response = await ask(url, init);
    for (let redirects = 0; redirects < redirectsMax; redirects += 1) {
      const { status, headers } = response;
      const location = headers.get("location");
      if (status < 300 || status > 399 || location === null) break;
      const next = new URL(location, url);
      if (next.origin !== new URL(first).origin) {
        return { url, status, headers, html: await response.text(), leavesTo: next.href };
      }
      await response.body?.cancel();
      url = next.href;
      response = await ask(url);
    }
    const html = await response.text();
    return {
      url,
      status: response.status,
      headers: response.headers,
      html,
      leavesTo: refreshIn(html),
    };
  };
  return {
    cookies,
    open: go,
    async submit(page, fields) {
      const [form = ""] = formsOf(page.html).filter((one) =>
        Object.keys(fields).every((name) => one.includes(`name="${name}"`))
      );
      const action = attributeOf(form, "action");
      if (action === undefined) {
        throw new Error(`No form with ${Object.keys(fields)}: ${page.html}`);
      }
      const body = new URLSearchParams({ ...hiddenIn(form), ...fields });
      const url = new URL(action, page.url);
      return await go(url.href, {
        method: "POST",
        headers: {
          "content-type": "application/x-www-form-urlencoded",
          origin: origin ?? url.origin,
        },
        body: body.toString(),
      });
    },
  };
}

/**
 * Takes a client's authorization URL to the client's redirect: logs in, decides, and returns the URL
 * that the browser is sent to. Throws the page where that ends on another one.
 */
export async function followAuthorization(url: string, options: PersonOptions): Promise<string> {
  const { name, password, decision = "allow" } = options;
  const browser = openBrowser(options.send);
  let page = await browser.open(url);
  if (page.html.includes('name="password"')) page = await browser.submit(page, { name, password });
  if (page.html.includes('name="decision"')) page = await browser.submit(page, { decision });
  if (page.leavesTo !== undefined) return page.leavesTo;
  throw new Error(`The log-in ended at ${page.url} with status ${page.status}: ${page.html}`);
}

function fetchOnce(request: Request): Promise<Response> {
  return fetch(request);
}

/** The forms of a page. */
export function formsOf(html: string): string[] {
  return [...html.matchAll(/<form[^]*?<\/form>/g)].map(([form]) => form);
}

function attributeOf(markup: string, name: string): string | undefined {
  const value = new RegExp(` ${name}="([^"]*)"`).exec(markup)?.[1];
  return value && unescape(value);
}

function hiddenIn(form: string): Record<string, string> {
  const inputs = [...form.matchAll(/<input type="hidden"[^>]*>/g)].map(([input]) => input);
  return Object.fromEntries(
    inputs.map((input) => [attributeOf(input, "name") ?? "", attributeOf(input, "value") ?? ""]),
  );
}

function refreshIn(html: string): string | undefined {
  const url = /<meta http-equiv="refresh" content="0; url=([^"]*)">/.exec(html)?.[1];
  return url && unescape(url);
}

const characters: Readonly<Record<string, string>> = {
  "&amp;": "&",
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&#39;": "'",
};

function unescape(text: string): string {
  return text.replace(/&(?:amp|lt|gt|quot|#39);/g, (entity) => characters[entity] ?? "");
}
