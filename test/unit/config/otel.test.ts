/** The variables of OpenTelemetry: where spans go, what is refused, and what has no effect. */
import { describe, expect, test } from "bun:test";
import { refusal, start } from "./read.ts";

const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://localhost:4318" };
const tracesOf = async (env: Record<string, string>) => (await start(env)).config.traces;

describe("the variables of OpenTelemetry", () => {
  test("without an endpoint there are no traces, and nothing else of them matters", async () => {
    const others = {
      OTEL_TRACES_SAMPLER: "jaeger_remote",
      OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
      OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
    };
    const { config, warnings } = await start(others);
    expect(config.traces).toBe(undefined);
    expect(warnings).toEqual([]);
    for (const off of [{ OTEL_SDK_DISABLED: "True" }, { OTEL_TRACES_EXPORTER: "none" }]) {
      expect(await tracesOf({ ...endpoint, ...others, ...off })).toBe(undefined);
    }
  });

  test("with an endpoint all else has its default", async () => {
    expect(await tracesOf(endpoint)).toEqual({
      url: "http://localhost:4318/v1/traces",
      headers: {},
      timeoutMs: 10_000,
      resource: { "service.name": "mcp-wrapper" },
      sampler: { isParentBased: true, ratio: 1 },
    });
  });

  test("every variable arrives", async () => {
    const { config, warnings } = await start({
      OTEL_EXPORTER_OTLP_ENDPOINT: "https://otel.example.com/base/",
      OTEL_EXPORTER_OTLP_HEADERS: "Authorization=Bearer%20a-secret-token, x-tenant = a=b ,",
      OTEL_EXPORTER_OTLP_TIMEOUT: "2500",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_SERVICE_NAME: "the gateway",
      OTEL_RESOURCE_ATTRIBUTES: "team=a%2Cb,service.name=lost,k8s.pod.name=p-1",
      OTEL_TRACES_SAMPLER: "traceidratio",
      OTEL_TRACES_SAMPLER_ARG: "0.25",
    });
    expect(config.traces).toEqual({
      url: "https://otel.example.com/base/v1/traces",
      headers: { authorization: "Bearer a-secret-token", "x-tenant": "a=b" },
      timeoutMs: 2_500,
      resource: { team: "a,b", "service.name": "the gateway", "k8s.pod.name": "p-1" },
      sampler: { isParentBased: false, ratio: 0.25 },
    });
    expect(config.secrets).toEqual(["Bearer a-secret-token", "a-secret-token", "a=b"]);
    expect(warnings).toEqual([]);
  });

  test("what is about traces takes precedence, and its endpoint is used as it is", async () => {
    const traces = await tracesOf({
      ...endpoint,
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://otel.example.com/take/me?key=in-the-query",
      OTEL_EXPORTER_OTLP_HEADERS: "a=1",
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: "b=2",
      OTEL_EXPORTER_OTLP_TIMEOUT: "1",
      OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: "2",
      OTEL_RESOURCE_ATTRIBUTES: "service.name=from-the-attributes",
    });
    expect(traces).toMatchObject({
      url: "https://otel.example.com/take/me?key=in-the-query",
      headers: { b: "2" },
      timeoutMs: 2,
      resource: { "service.name": "from-the-attributes" },
    });
  });

  test("each sampler of the specification is what it says", async () => {
    const samplers: [string, string, boolean, number][] = [
      ["always_on", "", false, 1],
      ["always_off", "", false, 0],
      ["traceidratio", "", false, 1],
      ["traceidratio", "0", false, 0],
      ["parentbased_always_on", "", true, 1],
      ["parentbased_always_off", "", true, 0],
      ["parentbased_traceidratio", "1e-3", true, 0.001],
    ];
    for (const [name, argument, isParentBased, ratio] of samplers) {
      const env = { OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: argument };
      expect((await tracesOf({ ...endpoint, ...env }))?.sampler).toEqual({ isParentBased, ratio });
    }
  });

  const malformed: [string, string[]][] = [
    ["OTEL_EXPORTER_OTLP_ENDPOINT", ["localhost:4317", "ftp://x", "https://a:b@x", "http://x/#f"]],
    ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", ["/v1/traces"]],
    ["OTEL_EXPORTER_OTLP_HEADERS", ["a", "a b=1", "a=%zz", "a=%0d%0ab", "Content-Type=x", "=1"]],
    ["OTEL_EXPORTER_OTLP_TIMEOUT", ["0", "-1", "10s", "1.5"]],
    ["OTEL_EXPORTER_OTLP_PROTOCOL", ["grpc", "http"]],
    ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", ["grpc"]],
    ["OTEL_TRACES_EXPORTER", ["console", "otlp,console"]],
    ["OTEL_TRACES_SAMPLER", ["jaeger_remote", "toString"]],
    ["OTEL_TRACES_SAMPLER_ARG", ["1.1", "-0", "half", "NaN"]],
    ["OTEL_RESOURCE_ATTRIBUTES", ["a", "a=%zz", "a b=1"]],
    ["OTEL_SDK_DISABLED", ["1", "yes"]],
  ];
  for (const [name, values] of malformed) {
    test(`a malformed ${name} stops the start and says what is expected`, async () => {
      for (const value of values) {
        const message = await refusal(start({ ...endpoint, [name]: value }));
        expect(message).toMatch(new RegExp(`^Cannot use ${name}(?:=.*)?: expected `));
      }
    });
  }

  test("H1 headers and endpoints, which may hold a key, are in no error", async () => {
    const wrong = {
      OTEL_EXPORTER_OTLP_ENDPOINT: "https://me:a-password-of-mine@otel.example.com",
      OTEL_EXPORTER_OTLP_HEADERS: "a-secret-of-mine",
    };
    const message = await refusal(start(wrong));
    expect(message).not.toContain("of-mine");
    expect(message.split("\n").length).toBe(2);
  });

  test("what is meant for traces and has no effect is said, and nothing else is", async () => {
    const { warnings } = await start({
      ...endpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf",
      OTEL_TRACES_SAMPLER_ARG: "0.5",
      OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
      OTEL_EXPORTER_OTLP_ENDPIONT: "http://localhost:4318",
      OTEL_BSP_SCHEDULE_DELAY: "1",
      OTEL_PROPAGATORS: "b3",
      OTEL_METRICS_EXPORTER: "none",
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: "http://localhost:4318",
      OTEL_LOG_LEVEL: "debug",
    });
    expect(warnings.map((warning) => warning.replace(/ has no effect: .*/, ""))).toEqual([
      "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
      "OTEL_TRACES_SAMPLER_ARG",
      "OTEL_EXPORTER_OTLP_COMPRESSION",
      "OTEL_EXPORTER_OTLP_ENDPIONT",
      "OTEL_BSP_SCHEDULE_DELAY",
      "OTEL_PROPAGATORS",
    ]);
  });
});
