/**
 * The environment variables of the gateway, as rows: default, expectation, and how the text becomes
 * a value. An empty value counts as absent. `.env.example` explains each row (a test compares the
 * two). Not here: what the values mean together (environment.ts).
 */
import { parseBlock } from "../ip_address.ts";
import { bytesPerMegabyte, defaultLimits, msPerSecond } from "../limits.ts";
import { parseStore } from "./engine_url.ts";
import { otelVariables } from "./otel_variables.ts";
import type { Variable } from "./variable.ts";

export type { Variable } from "./variable.ts";

const planNames = { demo: "demo", pro: "pro" } as const;
const listenerNames = { fast: "fast", hardened: "hardened" } as const;
const levelNames = {
  DEBUG: "DEBUG",
  INFO: "INFO",
  WARN: "WARN",
  WARNING: "WARN",
  ERROR: "ERROR",
} as const;
const switchNames = { on: true, off: false, true: true, false: false } as const;
const auditNames = { off: "off", on: "on", arguments: "arguments" } as const;
const flagNames = { true: true, false: false, "1": true, "0": false } as const;

/** The table. */
export const variables = {
  MCP_HOST: {
    default: "localhost",
    expected: "a host name or address to listen on, without scheme or port",
    parse: parseHost,
  },
  MCP_PORT: {
    default: "8999",
    expected: `a port from 0 (any free one) to ${defaultLimits.portMax}`,
    parse: (text) => parseWhole(text, 0, defaultLimits.portMax),
  },
  // The defaults of these two depend on the current folder and the account: places.ts.
  MCP_DATA_DIR: {
    expected: "a folder, or :memory: to keep nothing",
    parse: parseText,
  },
  MCP_CONFIG: { expected: "a file", parse: parseText },
  MCP_STORE: {
    expected: "sqlite, or a URL such as redis://user:password@host:6379/0?prefix=mcp-wrapper, " +
      "redis+sentinel://host:26379,host:26379?master=NAME or redis+cluster://host:6379,host:6379 " +
      "(rediss… with TLS)",
    parse: parseStore,
    secret: true,
  },
  LOG_LEVEL: {
    default: "INFO",
    expected: "DEBUG, INFO, WARN (or WARNING) or ERROR",
    parse: (text) => pick(levelNames, text.toUpperCase()),
  },
  DEBUG_MODE: { default: "false", expected: "true or false", parse: parseFlag },
  MCP_SESSION_TIMEOUT: {
    default: "3600",
    expected: `whole seconds from 1 to ${Math.floor(defaultLimits.timerMsMax / msPerSecond)}`,
    parse: (text) => parseWhole(text, 1, Math.floor(defaultLimits.timerMsMax / msPerSecond)),
  },
  MCP_TRY_SERVERS: {
    default: "on",
    expected: "on or off",
    parse: (text) => pick(switchNames, text.toLowerCase()),
  },
  MCP_BODY_MAX_MB: {
    default: String(defaultLimits.bodyBytesMax / bytesPerMegabyte),
    expected: `whole mebibytes from 1 to ${defaultLimits.bodyMegabytesMax}`,
    parse: (text) => parseWhole(text, 1, defaultLimits.bodyMegabytesMax),
  },
  MCP_PUBLIC_URL: {
    expected: "a URL such as https://mcp.example.com, without query, fragment or login",
    parse: parsePublicUrl,
  },
  MCP_TRUSTED_PROXIES: {
    expected: "addresses or blocks such as 127.0.0.1, 10.0.0.0/8 or fd00::/8, separated by commas",
    parse: (text) => parseList(text, (item) => parseBlock(item) && item),
  },
  MCP_ALLOWED_ORIGINS: {
    expected: "origins such as https://app.example.com, separated by commas, without * or paths",
    parse: (text) => parseList(text, parseOrigin),
  },
  MCP_ALLOWED_HOSTS: {
    expected:
      "hosts such as mcp.example.com or mcp.example.com:8999, separated by commas, without *",
    parse: (text) => parseList(text, parseAuthority),
  },
  MCP_SECRET: {
    expected: "at least 32 random characters; create them with: openssl rand -base64 32",
    parse: parseSecret,
    secret: true,
  },
  MCP_INTERNAL_URL: {
    expected: "the http URL of this instance for the others, such as http://10.0.0.5:9100",
    parse: parseInternalUrl,
  },
  MCP_INTERNAL_ALLOW: {
    default: "127.0.0.0/8,::1",
    expected: "hosts and networks such as gateway-2.internal or 10.0.0.0/8, separated by commas",
    parse: (text) => parseList(text, (item) => parseBlock(item) ? item : parseHost(item)),
  },
  MCP_AUTH: {
    expected: "kinds of authentication such as key or key,oauth, separated by commas",
    parse: (text) => parseList(text, (item) => /^[a-z][a-z0-9_]*$/.test(item) ? item : undefined),
  },
  MCP_LISTENER: { expected: "fast or hardened", parse: (text) => pick(listenerNames, text) },
  MCP_ADMIN: {
    default: "on",
    expected: "on or off",
    parse: (text) => pick(switchNames, text.toLowerCase()),
  },
  MCP_ADMIN_PORT: {
    default: "9000",
    expected: `a port from 0 (any free one) to ${defaultLimits.portMax}`,
    parse: (text) => parseWhole(text, 0, defaultLimits.portMax),
  },
  MCP_ADMIN_HOST: {
    default: "localhost",
    expected: "a host name or address to listen on, without scheme or port",
    parse: parseHost,
  },
  MCP_ADMIN_SPAWN: {
    default: "off",
    expected: "on or off",
    parse: (text) => pick(switchNames, text.toLowerCase()),
  },
  MCP_METRICS: {
    default: "on",
    expected: "on or off",
    parse: (text) => pick(switchNames, text.toLowerCase()),
  },
  MCP_AUDIT: {
    default: "off",
    expected: "off, on or arguments",
    parse: (text) => pick(auditNames, text.toLowerCase()),
  },
  MCP_ALLOW_UNAUTHENTICATED: { default: "false", expected: "true or false", parse: parseFlag },
  MCP_ALLOW_ANONYMOUS_FALLBACK: { default: "false", expected: "true or false", parse: parseFlag },
  COINGECKO_API_KEY: { expected: "a key for CoinGecko's API", parse: parseText, secret: true },
  COINGECKO_API_PLAN: { expected: "demo or pro", parse: (text) => pick(planNames, text) },
  OPENSUBTITLES_API_KEY: {
    expected: "a key for OpenSubtitles' API",
    parse: parseText,
    secret: true,
  },
  OPENSUBTITLES_USER_AGENT: {
    expected: "a name with a version such as MyApp v1.2",
    parse: parseText,
  },
  OPENSUBTITLES_USERNAME: { expected: "a user name", parse: parseText },
  OPENSUBTITLES_PASSWORD: { expected: "a password", parse: parseText, secret: true },
  ...otelVariables,
} as const satisfies Record<string, Variable<unknown>>;

/** The name of one variable. */
export type VariableName = keyof typeof variables;

/** The value of a variable's text. */
export type VariableValue<Name extends VariableName> = NonNullable<
  ReturnType<(typeof variables)[Name]["parse"]>
>;

function parseText(text: string): string | undefined {
  return text.includes("\0") ? undefined : text;
}

function parseWhole(text: string, least: number, most: number): number | undefined {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  return value >= least && value <= most ? value : undefined;
}

function parseFlag(text: string): boolean | undefined {
  return pick(flagNames, text.toLowerCase());
}

function pick<Value>(values: Readonly<Record<string, Value>>, text: string): Value | undefined {
  return Object.hasOwn(values, text) ? values[text] : undefined;
}

/** An IPv6 address loses its brackets: listeners expect none. */
function parseHost(text: string): string | undefined {
  const address = /^\[(.+)\]$/.exec(text)?.[1] ?? text;
  if (/^[0-9a-f:.]*:[0-9a-f:.]*:[0-9a-f:.]*$/i.test(address)) return address.toLowerCase();
  return /^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$/i.test(text) ? text : undefined;
}

function parsePublicUrl(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) return undefined;
  if (url.username + url.password + url.search + url.hash !== "") return undefined;
  return url.href.replace(/\/+$/, "");
}

/** Of a whole URL only host and port have a meaning here. */
function parseInternalUrl(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url?.protocol === "http:" && url.pathname === "/" &&
    url.username + url.password + url.search + url.hash === "";
  return isPlain ? url.origin : undefined;
}

function parseList(
  text: string,
  parse: (item: string) => string | undefined,
): readonly string[] | undefined {
  const items = text.split(",").map((item) => item.trim()).filter((item) => item !== "");
  const parsed = items.map(parse).filter((item) => item !== undefined);
  return parsed.length === items.length ? parsed : undefined;
}

/** In the form of browsers: lower case, no default port. Editors have schemes of their own. */
function parseOrigin(text: string): string | undefined {
  const origin = text.toLowerCase().replace(/\/$/, "");
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^/?#@*\s]+$/.test(origin) || !URL.canParse(origin)) {
    return undefined;
  }
  return /^https?:/.test(origin) ? new URL(origin).origin : origin;
}

function parseAuthority(text: string): string | undefined {
  const authority = text.toLowerCase();
  const match = /^(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?$/.exec(authority);
  if (match === null || Number(match[1] ?? 0) > defaultLimits.portMax) return undefined;
  return authority;
}

const secretCharsMin = 32;
/** A random text of 32 hexadecimal digits has fewer distinct ones about once in a million times. */
const differentCharsMin = 8;
const placeholder =
  /change.?(?:me|this)|replace|your.?(?:key|secret)|example|password|placeholder/i;

function parseSecret(text: string): string | undefined {
  const isWeak = text.length < secretCharsMin || new Set(text).size < differentCharsMin ||
    placeholder.test(text) || isRepetition(text);
  return isWeak ? undefined : text;
}

/** Whether a text is a shorter one repeated, such as 0123456789abcdef twice. */
function isRepetition(text: string): boolean {
  return (text + text).indexOf(text, 1) < text.length;
}
