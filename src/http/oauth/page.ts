/**
 * The pages of the authorization server: HTML without scripts and without anything from elsewhere,
 * in no frame (RFC 9700, 4.16), in no cache. Not here: what a page says.
 */
import { Markup, markup } from "../markup.ts";
import type { HeaderPairs } from "../respond.ts";

/** One page. */
export interface WebPage {
  readonly title: string;
  readonly body: Markup;
  readonly status?: number | undefined;
  readonly headers?: HeaderPairs | undefined;
  /** A URL that the browser goes to by itself; it must have been checked. */
  readonly next?: string | undefined;
  /** After how many seconds; absent: at once. */
  readonly nextSeconds?: number | undefined;
}

const style = new Markup(`
:root { color-scheme: light dark; --text: #1d2126; --soft: #59636e; --line: #8c959f; --box: #f4f6f8; --link: #0b5cad; --warn: #7a4b00; --warnbox: #fff4d6; --bad: #a40e26; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6eaee; --soft: #9aa5b1; --line: #6e7781; --box: #1c2128; --link: #6cb2ff; --warn: #f2cc60; --warnbox: #33290c; --bad: #ff8182; }
  body { background: #12161b; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 34rem; color: var(--text); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { margin: 0 0 1rem; font-size: 1.4rem; line-height: 1.3; }
p, ul, dl { margin: .8rem 0; }
ul { padding-left: 1.2rem; }
dt { color: var(--soft); font-size: .9rem; }
dd { margin: 0 0 .6rem; }
bdi { unicode-bidi: isolate; }
label { display: block; margin: .8rem 0 .2rem; }
input { width: 100%; padding: .6rem .7rem; border: 1px solid var(--line); border-radius: .4rem; background: var(--box); color: var(--text); font: inherit; }
button, .button { display: inline-block; padding: .6rem 1.2rem; border: 1px solid var(--line); border-radius: .4rem; background: var(--box); color: var(--text); font: inherit; font-weight: 600; text-decoration: none; cursor: pointer; }
button.main, .button.main { border-color: #0b5cad; background: #0b5cad; color: #fff; }
button.link { padding: 0; border: 0; background: none; color: var(--link); font-weight: normal; text-decoration: underline; }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.row { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1.4rem 0; }
.row > * { flex: 1 1 8rem; text-align: center; }
.warn { padding: .7rem .9rem; border-left: 4px solid var(--warn); border-radius: .2rem; background: var(--warnbox); }
.bad { color: var(--bad); font-weight: 600; }
.soft { color: var(--soft); }
form.line { display: inline; }
a { color: var(--link); }
`);

/**
 * A page as a response. The policy for the referrer is not `no-referrer`: with that, browsers send
 * the forms of a page with `Origin: null` (Fetch, "append a request Origin header").
 */
export function pageResponse(
  { title, body, status = 200, headers, next, nextSeconds = 0 }: WebPage,
): Response {
  const nonce = crypto.randomUUID();
  // No script can send the browser on. This is no part of a form's submission, so `form-action`
  // does not apply to the client's own redirects, as it would after a response with status 303.
  const refresh = next !== undefined &&
    markup`<meta http-equiv="refresh" content="${nextSeconds}; url=${next}">`;
  const { text } = markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
${refresh}
<title>${title} · mcp-wrapper</title>
<style nonce="${nonce}">${style}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${body}
</main>
</body>
</html>
`;
  return new Response(text, {
    status,
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": `default-src 'none'; style-src 'nonce-${nonce}'; ` +
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
      "x-frame-options": "DENY",
      "x-content-type-options": "nosniff",
      "cross-origin-resource-policy": "same-origin",
      "cache-control": "no-store",
      "referrer-policy": next === undefined ? "same-origin" : "no-referrer",
      ...headers,
    },
  });
}

/** A page about something that cannot be done. */
export interface Problem {
  readonly status: number;
  readonly title: string;
  /** What to do. */
  readonly text: string;
  readonly headers?: HeaderPairs | undefined;
}

/** The response to a request that ends here, such as one whose redirect is not trusted. */
export function problemPage({ status, title, text, headers }: Problem): Response {
  return pageResponse({ status, title, body: markup`<p role="alert">${text}</p>`, headers });
}

/** A redirect to a path of the gateway, after a form or to a form. */
export function seeOther(path: string, headers: HeaderPairs = {}): Response {
  return new Response(null, {
    status: 303,
    headers: {
      location: path,
      "cache-control": "no-store",
      "referrer-policy": "same-origin",
      ...headers,
    },
  });
}
