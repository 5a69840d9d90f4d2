/**
 * Where spans go, from the variables of OpenTelemetry: those about traces take precedence over those
 * about everything. Without an endpoint there are no traces. Names of the specification that the
 * gateway does not read are named in a warning.
 */
import type { TracesConfig } from "./traces_config.ts";
import { otelVariables } from "./otel_variables.ts";
import type { VariableName, VariableValue } from "./variables.ts";

/** The traces, the texts in them that the log must hide, and lines for the operator. */
export interface OtelSettings {
  /** Undefined: none are made. */
  readonly traces: TracesConfig | undefined;
  readonly secrets: readonly string[];
  readonly warnings: readonly string[];
}

/** The value of a variable; undefined: it is not set, and has no default. */
type ReadVariable = <Name extends VariableName>(name: Name) => VariableValue<Name> | undefined;

type Environment = Readonly<Record<string, string>>;

const off: OtelSettings = { traces: undefined, secrets: [], warnings: [] };

/** Whether an environment wants traces: else its other variables of OpenTelemetry do not matter. */
export function wantsTraces(env: Environment): boolean {
  const text = (name: keyof typeof otelVariables) => env[name]?.trim() ?? "";
  if (text("OTEL_SDK_DISABLED").toLowerCase() === "true") return false;
  if (text("OTEL_TRACES_EXPORTER") === "none") return false;
  return text("OTEL_EXPORTER_OTLP_ENDPOINT") + text("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") !== "";
}

/** Reads them; the values that are set are valid. */
export function readOtelSettings(env: Environment, read: ReadVariable): OtelSettings {
  if (!wantsTraces(env)) return off;
  const url = read("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") ??
    toTracesUrl(read("OTEL_EXPORTER_OTLP_ENDPOINT"));
  if (url === undefined) return off;
  const headers = read("OTEL_EXPORTER_OTLP_TRACES_HEADERS") ??
    read("OTEL_EXPORTER_OTLP_HEADERS") ?? {};
  const ownTimeout = isSet(env, "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT");
  const timeoutMs = read(
    ownTimeout ? "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT" : "OTEL_EXPORTER_OTLP_TIMEOUT",
  );
  const sampler = read("OTEL_TRACES_SAMPLER");
  const argument = read("OTEL_TRACES_SAMPLER_ARG");
  if (timeoutMs === undefined || sampler === undefined) return off;
  const { isParentBased, takesRatio, ratio } = sampler;
  return {
    traces: {
      url,
      headers,
      timeoutMs,
      resource: readResource(env, read),
      sampler: { isParentBased, ratio: takesRatio ? argument ?? ratio : ratio },
    },
    secrets: [...Object.values(headers).flatMap(toSecrets), new URL(url).search.slice(1)]
      .filter((text) => text !== ""),
    warnings: [
      ...protocolWarnings(read),
      ...(takesRatio || argument === undefined ? [] : [
        "OTEL_TRACES_SAMPLER_ARG has no effect: OTEL_TRACES_SAMPLER is no sampler with a ratio",
      ]),
      ...strangers(env),
    ],
  };
}

/** The signal's own path below an endpoint of all signals. */
function toTracesUrl(endpoint: string | undefined): string | undefined {
  if (endpoint === undefined) return undefined;
  const url = new URL(endpoint);
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/v1/traces`;
  return url.href;
}

/** A name of its own takes precedence over that among the attributes. */
function readResource(env: Environment, read: ReadVariable): TracesConfig["resource"] {
  const attributes = read("OTEL_RESOURCE_ATTRIBUTES") ?? {};
  const name = read("OTEL_SERVICE_NAME");
  const isNamed = isSet(env, "OTEL_SERVICE_NAME") || attributes["service.name"] === undefined;
  return isNamed && name !== undefined ? { ...attributes, "service.name": name } : attributes;
}

function isSet(env: Environment, name: keyof typeof otelVariables): boolean {
  return (env[name]?.trim() ?? "") !== "";
}

/** A value such as `Bearer abc`, and the credential in it. */
function toSecrets(value: string): string[] {
  const credential = /^\S+\s+(\S+)$/.exec(value)?.[1];
  return credential === undefined ? [value] : [value, credential];
}

function protocolWarnings(read: ReadVariable): string[] {
  const own = read("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL");
  const name = own === undefined
    ? "OTEL_EXPORTER_OTLP_PROTOCOL"
    : "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL";
  return (own ?? read(name)) === "http/protobuf"
    ? [`${name}=http/protobuf has no effect: the gateway sends http/json to the same address`]
    : [];
}

/** What could be meant for traces and is not read here. */
const aboutTraces =
  /^OTEL_(?:EXPORTER_OTLP_(?!METRICS_|LOGS_|PROFILES_)|TRACES_|BSP_|SPAN_|PROPAGATORS$)/;

function strangers(env: Environment): string[] {
  return Object.keys(env)
    .filter((name) => aboutTraces.test(name) && !Object.hasOwn(otelVariables, name))
    .map((name) =>
      `${name} has no effect: the gateway does not read this variable of OpenTelemetry`
    );
}
