/**
 * The files for several instances say what the gateway understands: their variables are in its table
 * with values that it takes, and what they run and ask for exists.
 */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse, parseAllDocuments } from "yaml";
import { commands } from "../../../src/cli/commands.ts";
import type { Variable } from "../../../src/config/variable.ts";
import { variables } from "../../../src/config/variables.ts";
import { projectDirectory } from "../../support/spawn_gateway.ts";

// The shapes are those of other programs.
// deno-lint-ignore no-explicit-any
type Loose = any;

const read = (name: string) => readFileSync(join(projectDirectory, "packaging", name), "utf8");
const table: Readonly<Record<string, Variable<unknown>>> = variables;

/** Names that the gateway does not know, and values that it does not take. */
function refused(environment: Readonly<Record<string, string | undefined>>): readonly string[] {
  return Object.entries(environment).flatMap(([name, value]) => {
    const variable = table[name];
    if (variable === undefined) return [`${name} is unknown`];
    return value === undefined || variable.parse(value) !== undefined ? [] : [`${name}=${value}`];
  });
}

describe("compose.several.yaml", () => {
  const { services, volumes }: Loose = parse(read("compose.several.yaml"), { merge: true });
  const instances = Object.entries<Loose>(services).filter(([name]) => name.startsWith("gateway-"));

  test("gives each instance variables that the gateway takes", () => {
    expect(instances.map(([name]) => name)).toEqual(["gateway-1", "gateway-2"]);
    for (const [name, { environment }] of instances) {
      const { MCP_SECRET, ...all } = environment;
      const given = Object.entries<string>(all).map(([key, value]) =>
        [key, value.replace(/^\$\{\w+:-(.*)\}$/, "$1")] as const
      );
      expect([name, refused(Object.fromEntries(given))]).toEqual([name, []]);
      // It has no default: without it, compose says what to do.
      expect(MCP_SECRET).toMatch(/^\$\{MCP_SECRET:\?/);
      expect(environment.MCP_INTERNAL_URL).toBe(`http://${name}:9101`);
      expect(environment.MCP_INTERNAL_ALLOW.split(",")).toContain(name);
      expect(environment.MCP_ALLOWED_HOSTS.split(",")).toContain(name);
    }
  });

  test("gives each a data folder of its own, and time to hand its sessions over", () => {
    const folders = instances.map(([, { volumes: own }]) => own[0].split(":")[0]);
    expect(new Set(folders).size).toBe(2);
    for (const folder of folders) expect(volumes).toHaveProperty(folder);
    for (const [, { stop_grace_period: grace }] of instances) expect(grace).toBe("90s");
  });

  test("runs an engine that keeps what it acknowledged and drops nothing", () => {
    const command = services.redis.command.join(" ");
    expect(command).toContain("--appendonly yes");
    expect(command).toContain("--maxmemory-policy noeviction");
  });

  test("has Caddy reach both instances at the port of the image", () => {
    const port = /MCP_PORT=(\d+)/.exec(read("Dockerfile"))?.[1];
    const file = read("Caddyfile");
    for (const [name] of instances) expect(file).toContain(` ${name}:${port}`);
    expect(file).toContain("flush_interval -1");
    expect(file).toContain("health_uri /ready");
    expect(services.caddy.volumes).toContain("./Caddyfile:/etc/caddy/Caddyfile:ro");
  });
});

describe("kubernetes.yaml", () => {
  const objects = parseAllDocuments(read("kubernetes.yaml")).map((document): Loose =>
    document.toJS()
  );
  const of = (kind: string) => objects.filter((one) => one.kind === kind);
  const [deployment] = of("Deployment");
  const { spec } = deployment.spec.template;
  const [container] = spec.containers;

  test("gives the instances variables that the gateway takes", () => {
    const own = container.env.filter(({ name }: Loose) => name !== "POD_IP").map((
      { name, value }: Loose,
    ) => [name, value?.replace("$(POD_IP)", "10.1.2.3")]);
    expect(refused(Object.fromEntries(own))).toEqual([]);
    const secrets = container.env.filter(({ valueFrom }: Loose) => valueFrom?.secretKeyRef);
    expect(secrets.map(({ name }: Loose) => name)).toEqual(["MCP_SECRET", "MCP_STORE"]);
    const sources = container.env.find(({ name }: Loose) => name === "POD_IP").valueFrom;
    expect(sources).toEqual({ fieldRef: { fieldPath: "status.podIP" } });
  });

  test("keeps one instance at least, and lets each leave in its own time", () => {
    expect(deployment.spec).toMatchObject({
      replicas: 2,
      strategy: { rollingUpdate: { maxUnavailable: 0 } },
    });
    expect(of("PodDisruptionBudget")[0].spec.minAvailable).toBe(1);
    expect(spec.terminationGracePeriodSeconds).toBe(90);
    const [program, command] = container.lifecycle.preStop.exec.command;
    expect(program).toBe("mcp-wrapper");
    expect(commands.map(({ name }) => name)).toContain(command);
    expect(container.readinessProbe.httpGet.path).toBe("/ready");
    expect(container.livenessProbe.httpGet.path).toBe("/");
  });

  test("takes rights away, and asks for what an instance needs", () => {
    expect(spec.securityContext).toMatchObject({ runAsNonRoot: true });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    expect(Object.keys(container.resources.requests).sort()).toEqual(["cpu", "memory"]);
  });

  test("has services for clients and for other instances, at ports that are open", () => {
    const names = container.ports.map(({ name }: Loose) => name);
    const [clients, internal] = of("Service");
    expect([clients.spec.sessionAffinity, internal.spec.clusterIP]).toEqual(["None", "None"]);
    for (const { spec: { ports: [port], selector } } of [clients, internal]) {
      expect(names).toContain(port.targetPort);
      expect(selector).toEqual(deployment.spec.selector.matchLabels);
    }
  });

  test("has a configuration that is JSON, where the instances read it", () => {
    const [{ data }] = of("ConfigMap");
    expect(Object.keys(JSON.parse(data["mcp.json"]))).toEqual(["mcpServers"]);
    const folder = container.volumeMounts.find(({ name }: Loose) => name === "config").mountPath;
    const path = container.env.find(({ name }: Loose) => name === "MCP_CONFIG").value;
    expect(path).toBe(`${folder}/mcp.json`);
  });
});
