/**
 * The container image, without a container engine: its steps run in an empty root, and its program
 * as an unprivileged user in it. What an engine does (layers, ports, limits) is not tested.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { buildImage, canBuildImages, type Image, readDockerfile } from "../support/image_steps.ts";
import { provideNode } from "../support/outside.ts";
import { manifest, type Packed, packPackage, runOrThrow } from "../support/packed.ts";
import { sendSignal } from "../support/processes.ts";
import { openRpcSession } from "../support/rpc_session.ts";
import { freePort } from "../support/free_port.ts";
import { projectDirectory } from "../support/spawn_gateway.ts";
import { until, within } from "../support/wait.ts";

const testMs = 240_000;
const packaging = join(projectDirectory, "packaging");
const instructions = readDockerfile(readFileSync(join(packaging, "Dockerfile"), "utf8"));
const only = (name: string) => instructions.filter((one) => one.name === name);

test("the Dockerfile starts the program itself, as a user without rights", () => {
  expect(only("FROM").map(({ rest }) => rest)).toEqual([expect.stringMatching(/^node:22-.*slim$/)]);
  expect(only("USER").map(({ rest }) => rest)).toEqual(["node"]);
  expect(only("ENTRYPOINT").map(({ rest }) => rest)).toEqual(['["mcp-wrapper"]']);
  expect(only("HEALTHCHECK").length).toBe(1);
});

test("compose.yaml opens the port to this computer alone, and takes rights away", () => {
  const { services } = parse(readFileSync(join(packaging, "compose.yaml"), "utf8"));
  const { build, ...service } = services["mcp-wrapper"];
  expect(existsSync(join(packaging, build.context, build.dockerfile))).toBe(true);
  expect(service).toMatchObject({
    ports: ["127.0.0.1:8999:8999"],
    environment: { MCP_ALLOW_UNAUTHENTICATED: "true" },
    init: true,
    read_only: true,
    cap_drop: ["ALL"],
  });
});

const imageTest = test.skipIf(!canBuildImages);

describe("the image", () => {
  let packed: Packed;
  let image: Image;
  beforeAll(() => {
    if (!canBuildImages) return;
    packed = packPackage();
    const node = runOrThrow(provideNode(), ["-p", "process.execPath"], { cwd: packed.folder });
    image = buildImage(instructions, packed.folder, node.trim());
  }, testMs);
  afterAll(() => {
    image?.dispose();
  });

  imageTest("has npx and uvx, and its user can write to /data alone", () => {
    expect(image.run(["npx", "--version"])).toMatchObject({ status: 0 });
    expect(image.run(["uvx", "--version"]).output).toMatch(/^uvx \d/);
    expect(image.run(["id", "-u"]).output).toBe("1000\n");
    expect(image.run(["touch", "/data/x", "/data/home/x"]).status).toBe(0);
    expect(image.run(["touch", `/usr/local/lib/node_modules/${manifest.name}/x`]).status).not.toBe(
      0,
    );
  }, testMs);

  imageTest("does not listen to the network without consent", () => {
    const { status, output } = image.run(image.command);
    expect(status).toBe(2);
    expect(output).toContain("MCP_ALLOW_UNAUTHENTICATED");
  }, testMs);

  imageTest(
    "serves with the variables of compose.yaml, is healthy, and ends by SIGTERM",
    async () => {
      const compose = readFileSync(join(packaging, "compose.yaml"), "utf8");
      const [, consent = ""] = /MCP_ALLOW_UNAUTHENTICATED: "(\w+)"/.exec(compose) ?? [];
      const port = String(await freePort());
      const env = { MCP_PORT: port, MCP_ALLOW_UNAUTHENTICATED: consent };
      expect(image.run(image.healthCheck, env).status).toBe(1);
      const child = image.start(image.command, env);
      let text = "";
      for (const stream of [child.stdout, child.stderr]) {
        stream?.setEncoding("utf8").on("data", (chunk: string) => text += chunk);
      }
      const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
      try {
        await until("it serves", () => text.includes("Serving MCP at"));
        expect(image.run(image.healthCheck, env).status).toBe(0);
        const session = await openRpcSession(`http://localhost:${port}/mcp`);
        const { result } = await session.request(1, "tools/list");
        expect(JSON.stringify(result)).toContain("simple_price");
        await session.end();
        expect(readFileSync(`/proc/${child.pid}/status`, "utf8")).toMatch(/^Uid:\s+1000\s/m);
        // The program replaces each shell before it, so that the engine's signal reaches it.
        sendSignal(child.pid, "SIGTERM");
        expect(await within("it ends", ended)).toBe(0);
        expect(text).toContain("Stopping");
      } finally {
        sendSignal(child.pid, "SIGKILL");
      }
    },
    testMs,
  );
});
