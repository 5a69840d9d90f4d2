/**
 * The variables of OpenTelemetry that the gateway reads, as rows of the table of variables: names and
 * meanings are those of its specification. Where spans are not sent, none of them matters, and other
 * programs on this machine may have values that the gateway would refuse.
 */
import { defaultLimits } from "../limits.ts";
import type { Variable } from "./variable.ts";

/** How the spans of a request are chosen, by the names of the specification. */
const samplers = {
  always_on: { isParentBased: false, takesRatio: false, ratio: 1 },
  always_off: { isParentBased: false, takesRatio: false, ratio: 0 },
  traceidratio: { isParentBased: false, takesRatio: true, ratio: 1 },
  parentbased_always_on: { isParentBased: true, takesRatio: false, ratio: 1 },
  parentbased_always_off: { isParentBased: true, takesRatio: false, ratio: 0 },
  parentbased_traceidratio: { isParentBased: true, takesRatio: true, ratio: 1 },
} as const;

const protocols = { "http/json": "http/json", "http/protobuf": "http/protobuf" } as const;
const exporters = { otlp: true, none: false } as const;
const flags = { true: true, false: false } as const;

const endpoint = {
  expected: "a URL such as http://localhost:4318, without login or fragment",
  parse: parseEndpoint,
  // It may have a key in its query.
  secret: true,
} as const;
const headers = {
  expected: "headers such as api-key=secret,tenant=a, whose values may be percent-encoded",
  parse: parseHeaders,
  secret: true,
} as const;
const timeout = {
  expected: `whole milliseconds from 1 to ${defaultLimits.timerMsMax}`,
  parse: parseTimeout,
} as const;
const protocol = {
  expected: "http/json, the protocol that the gateway speaks: collectors take it on port 4318",
  parse: (text: string) => pick(protocols, text),
} as const;

/** The rows. */
export const otelVariables = {
  OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: endpoint,
  OTEL_EXPORTER_OTLP_HEADERS: headers,
  OTEL_EXPORTER_OTLP_TRACES_HEADERS: headers,
  OTEL_EXPORTER_OTLP_TIMEOUT: { ...timeout, default: String(defaultLimits.spanRequestMs) },
  OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: timeout,
  OTEL_EXPORTER_OTLP_PROTOCOL: { ...protocol, default: "http/json" },
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: protocol,
  OTEL_TRACES_EXPORTER: {
    default: "otlp",
    expected: "otlp or none",
    parse: (text) => pick(exporters, text),
  },
  OTEL_TRACES_SAMPLER: {
    default: "parentbased_always_on",
    expected: Object.keys(samplers).join(", "),
    parse: (text) => pick(samplers, text),
  },
  OTEL_TRACES_SAMPLER_ARG: {
    expected: "a number from 0 to 1, the share of traces that are recorded",
    parse: parseRatio,
  },
  OTEL_SERVICE_NAME: { default: "mcp-wrapper", expected: "a name", parse: (text) => text },
  OTEL_RESOURCE_ATTRIBUTES: {
    expected: "attributes such as deployment.environment.name=production,team=a",
    parse: (text) => parsePairs(text, /^[\x21-\x2b\x2d-\x3c\x3e-\x7e]+$/),
  },
  OTEL_SDK_DISABLED: {
    default: "false",
    expected: "true or false",
    parse: (text) => pick(flags, text.toLowerCase()),
  },
} as const satisfies Record<string, Variable<unknown>>;

function pick<Value>(values: Readonly<Record<string, Value>>, text: string): Value | undefined {
  return Object.hasOwn(values, text) ? values[text] : undefined;
}

function parseEndpoint(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) return undefined;
  return url.username + url.password + url.hash === "" ? url.href : undefined;
}

function parseTimeout(text: string): number | undefined {
  const ms = /^\d+$/.test(text) ? Number(text) : NaN;
  return ms >= 1 && ms <= defaultLimits.timerMsMax ? ms : undefined;
}

function parseRatio(text: string): number | undefined {
  const ratio = /^\d*\.?\d+(?:e-?\d+)?$/i.test(text) ? Number(text) : NaN;
  return ratio >= 0 && ratio <= 1 ? ratio : undefined;
}

/** Headers that belong to the request itself. */
const ownHeaders = /^(?:content-(?:type|length|encoding)|host|connection|transfer-encoding)$/;

function parseHeaders(text: string): Readonly<Record<string, string>> | undefined {
  const pairs = parsePairs(text, /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/);
  if (pairs === undefined) return undefined;
  const named = Object.entries(pairs).map(([name, value]) => [name.toLowerCase(), value] as const);
  const isFit = named.every(([name, value]) =>
    !ownHeaders.test(name) && /^[\t\x20-\x7e\x80-\xff]*$/.test(value)
  );
  return isFit ? Object.fromEntries(named) : undefined;
}

/** `a=1,b=2`, with percent-encoding in the values (W3C Baggage, without properties). */
function parsePairs(text: string, name: RegExp): Readonly<Record<string, string>> | undefined {
  const items = text.split(",").map((item) => item.trim()).filter((item) => item !== "");
  const pairs = items.map((item) => {
    const [, key = "", value = ""] = /^([^=]*)=(.*)$/s.exec(item) ?? [];
    const decoded = decode(value.trim());
    return name.test(key.trim()) && decoded !== undefined
      ? [key.trim(), decoded] as const
      : undefined;
  });
  const whole = pairs.filter((pair) => pair !== undefined);
  return whole.length === pairs.length ? Object.fromEntries(whole) : undefined;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
