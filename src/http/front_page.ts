/**
 * The page at `/`: what the gateway is and how to connect, on one screen. Browsers get HTML without
 * scripts and without resources from elsewhere; other clients get plain text. It shows the URL that
 * the reader used, and no server, setting or secret.
 */
import type { FetchContext } from "../runtime/runtime.ts";
import type { BaseUrl } from "./gateway_url.ts";
import { escapeHtml } from "./markup.ts";
import { fillName, type SurfaceKinds } from "./surface_kinds.ts";

/** One client, where its setting belongs, and the setting. */
interface Setup {
  readonly client: string;
  readonly place: string;
  readonly text: string;
}

const title = "mcp-wrapper";
const summary =
  "This is a gateway for the Model Context Protocol (MCP): one URL in front of many " +
  "MCP servers. It is made for AI clients, not for browsers. Give your client this URL:";

/** What clients have to do; undefined: they do not authenticate. */
function accessWords(kinds: readonly string[]): string | undefined {
  const logsIn = kinds.includes("oauth") || kinds.includes("jwt");
  const hasKeys = kinds.includes("key");
  if (kinds.length === 0 || kinds.includes("none")) return undefined;
  if (logsIn && hasKeys) {
    return "Clients log in when they connect, or send a key that the operator made for them, in the " +
      "header Authorization: Bearer KEY.";
  }
  if (logsIn) return "Clients log in when they connect.";
  return hasKeys
    ? "Clients need a key that the operator made for them: add the header Authorization: Bearer " +
      "KEY to the settings below."
    : "Clients must authenticate.";
}

/**
 * Makes the endpoint of the front page, which shows the gateway's URL; `kinds` are those by which
 * clients authenticate.
 */
export function createFrontPage(
  baseUrl: BaseUrl,
  surfaceKinds: SurfaceKinds,
  kinds: readonly string[],
): (request: Request, fetchContext: FetchContext) => Response {
  const others = linesOf(surfaceKinds);
  const access = accessWords(kinds);
  return (request, fetchContext) => {
    const base = baseUrl(request, fetchContext);
    const headers = {
      "cache-control": "no-store",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
    };
    if (!/\btext\/html\b/i.test(request.headers.get("accept") ?? "")) {
      const type = { "content-type": "text/plain; charset=utf-8" };
      return new Response(toText(base, others, access), { headers: { ...headers, ...type } });
    }
    const nonce = crypto.randomUUID();
    return new Response(toHtml(base, nonce, others, access), {
      headers: {
        ...headers,
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": `default-src 'none'; style-src 'nonce-${nonce}'; ` +
          "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      },
    });
  };
}

function setupsOf(base: string): Setup[] {
  const url = `${base}/mcp`;
  const isPlain = /^http:\/\/(?!(?:localhost|127\.0\.0\.1|\[::1\])(?:[:/]|$))/i.test(base);
  const remote = ["-y", "mcp-remote", url, ...(isPlain ? ["--allow-http"] : [])];
  return [
    {
      client: "Claude Desktop",
      place: "claude_desktop_config.json",
      text: toServers("mcpServers", [`"command": "npx"`, `"args": ${toJson(remote)}`]),
    },
    {
      client: "Claude Code",
      place: "in a terminal",
      text: `claude mcp add --transport http mcp-wrapper ${url}`,
    },
    {
      client: "Cursor",
      place: "~/.cursor/mcp.json",
      text: toServers("mcpServers", [`"url": ${toJson(url)}`]),
    },
    {
      client: "VS Code",
      place: ".vscode/mcp.json",
      text: toServers("servers", [`"type": "http"`, `"url": ${toJson(url)}`]),
    },
  ];
}

function toServers(key: string, members: readonly string[]): string {
  return `{ "${key}": { "mcp-wrapper": {\n  ${members.join(",\n  ")}\n} } }`;
}

/** On one line, with a blank after each comma. */
function toJson(value: string | readonly string[]): string {
  return typeof value === "string"
    ? JSON.stringify(value)
    : `[${value.map((item) => JSON.stringify(item)).join(", ")}]`;
}

/** A path, and the words beside it. */
type Line = readonly [path: string, words: string];

/** What else there is. */
function linesOf(kinds: SurfaceKinds): readonly Line[] {
  return [
    ...kinds.flatMap(({ path, purpose }): Line[] =>
      purpose === undefined ? [] : [[`${fillName(path, "{name}")}/mcp`, purpose]]
    ),
    ["/sse", "for clients of the older HTTP+SSE transport"],
    ["/health", "whether the gateway and its servers work"],
  ];
}

function toText(base: string, others: readonly Line[], access: string | undefined): string {
  const setups = setupsOf(base).map(({ client, place, text }) => `${client} (${place}):\n${text}`);
  const lines = others.map(([path, words]) => `${base}${path}  ${words}`);
  const first = [summary, `${base}/mcp`, ...(access === undefined ? [] : [access])].join("\n");
  return [title, first, ...setups, lines.join("\n")].join("\n\n") + "\n";
}

const style = `
:root { color-scheme: light dark; --text: #1d2126; --soft: #59636e; --line: #d1d9e0; --box: #f4f6f8; --link: #0b5cad; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6eaee; --soft: #9aa5b1; --line: #39414a; --box: #1c2128; --link: #6cb2ff; }
  body { background: #12161b; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 76rem; color: var(--text); font: 1rem/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.6rem; }
h2 { margin: 0 0 .4rem; font-size: 1rem; }
h2 small { color: var(--soft); font-weight: normal; }
p { margin: .4rem 0; max-width: 46rem; }
pre, .url { margin: 0; padding: .7rem .9rem; border: 1px solid var(--line); border-radius: .4rem; background: var(--box); font: .8rem/1.5 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
.url { display: inline-block; font-size: 1.1rem; font-weight: 600; }
main { display: grid; gap: 1.2rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); margin: 1.4rem 0; }
ul { margin: 0; padding: 0; list-style: none; color: var(--soft); }
code { color: var(--text); }
a, a code { color: var(--link); }
`;

function toHtml(
  base: string,
  nonce: string,
  others: readonly Line[],
  access: string | undefined,
): string {
  const setups = setupsOf(base).map(({ client, place, text }) =>
    `<section><h2>${escapeHtml(client)} <small>${escapeHtml(place)}</small></h2>` +
    `<pre>${escapeHtml(text)}</pre></section>`
  );
  const lines = others.map(([path, words]) =>
    `<li>${toLink(base, path)} ${escapeHtml(words)}</li>`
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style nonce="${nonce}">${style}</style>
</head>
<body>
<h1>${title}</h1>
<p>${escapeHtml(summary)}</p>
<p><span class="url">${escapeHtml(base)}/mcp</span></p>${
    access === undefined ? "" : `\n<p>${escapeHtml(access)}</p>`
  }
<main>
${setups.join("\n")}
</main>
<ul>
${lines.join("\n")}
</ul>
</body>
</html>
`;
}

/** Only a path that a browser can show is a link. */
function toLink(base: string, path: string): string {
  const text = `<code>${escapeHtml(path)}</code>`;
  return path === "/health" ? `<a href="${escapeHtml(base + path)}">${text}</a>` : text;
}
