/**
 * The gateway behind a reverse proxy with a public name, TLS and streams. The clients are an SDK
 * and mcp-remote, which is how Claude Desktop reaches a URL.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import {
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from "node:http";
import { type AddressInfo, connect, type Server as SocketServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { hostileCommand } from "../fault/hostile_command.ts";
import { openBridge, openClient, type RealClient } from "../support/mcp_clients.ts";
import { type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";

const testMs = 60_000;
const publicName = "mcp.example.test";
let gateway: SpawnedGateway;
let folder: string;
const servers: Server[] = [];

/** A certificate for localhost, where there is an openssl to make one. */
function makeCertificate(): { key: string; cert: string } {
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const made = spawnSync("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
    ...["-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
    ...["-keyout", key, "-out", cert],
  ], { stdio: "ignore" });
  expect(made.status).toBe(0);
  return { key, cert };
}
const hasOpenssl = spawnSync("openssl", ["version"], { stdio: "ignore" }).status === 0;

/** Passes a request on under the public name, and the answer back as it comes. */
function pass(incoming: IncomingMessage, outgoing: ServerResponse): void {
  const onward = request({
    host: "127.0.0.1",
    port: gateway.port,
    path: incoming.url,
    method: incoming.method,
    headers: { ...incoming.headers, host: publicName, "x-forwarded-proto": "https" },
  }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    outgoing.flushHeaders();
    answer.pipe(outgoing);
  });
  onward.on("error", () => outgoing.destroy());
  outgoing.on("close", () => onward.destroy());
  incoming.pipe(onward);
}

async function listen(server: SocketServer): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

/** A proxy with that handler; closed after all tests. */
async function serve(handler: typeof pass): Promise<number> {
  const server = createServer(handler);
  servers.push(server);
  return await listen(server);
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "mcp-wrapper-proxy-"));
  gateway = await spawnGateway({
    servers: { kid: hostileCommand() },
    env: { MCP_PUBLIC_URL: `https://${publicName}`, MCP_ALLOW_UNAUTHENTICATED: "true" },
  });
}, testMs);

afterAll(async () => {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
  await gateway.dispose();
  rmSync(folder, { recursive: true, force: true });
}, testMs);

async function expectAllWorks(client: RealClient): Promise<void> {
  expect(await client.toolNames()).toContain("echo");
  expect((await client.callTool("nonce", { nonce: "through" })).text).toBe("through");
  const steps = await client.callTool("progress", { steps: 3, ms: 20 });
  expect(steps.progress.slice(0, 2)).toEqual([1, 2]);
  const asked = await client.callTool("ask", {
    method: "sampling/createMessage",
    params: { messages: [], maxTokens: 1 },
  });
  expect(asked.text).toContain("sampled-answer");
  await client.close();
}

test("P17 a client connects through a reverse proxy with a public name", async () => {
  const port = await serve(pass);
  await expectAllWorks(await openClient(`http://127.0.0.1:${port}`));
}, testMs);

test("P17 Claude Desktop's bridge connects by the local URL", async () => {
  await expectAllWorks(await openBridge(`${gateway.url}/mcp`));
}, testMs);

test.skipIf(!hasOpenssl)(
  "P17 Claude Desktop's bridge connects by a public URL with TLS",
  async () => {
    const { key, cert } = makeCertificate();
    let target = 0;
    const sockets = new Set<{ destroy(): void }>();
    const terminator = createTlsServer(
      { key: readFileSync(key), cert: readFileSync(cert) },
      (outside) => {
        const inside = connect(target, "127.0.0.1");
        for (const [from, to] of [[outside, inside], [inside, outside]] as const) {
          sockets.add(from);
          from.on("error", () => to.destroy());
          from.on("close", () => to.destroy());
          from.pipe(to);
        }
      },
    );
    const port = await listen(terminator);
    const behind = await spawnGateway({
      servers: { kid: hostileCommand() },
      env: { MCP_PUBLIC_URL: `https://localhost:${port}` },
    });
    target = behind.port;
    try {
      const url = `https://localhost:${port}/mcp`;
      await expectAllWorks(await openBridge(url, { NODE_EXTRA_CA_CERTS: cert }));
    } finally {
      for (const socket of sockets) socket.destroy();
      terminator.close();
      await behind.dispose();
    }
  },
  testMs,
);

test("P17 a name that is not configured is refused, even behind a proxy", async () => {
  const strange = await serve((incoming, outgoing) => {
    const onward = request({
      host: "127.0.0.1",
      port: gateway.port,
      path: incoming.url,
      headers: { host: "other.example.test" },
    }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502);
      answer.pipe(outgoing);
    });
    onward.end();
  });
  const response = await fetch(`http://127.0.0.1:${strange}/health`);
  expect(response.status).toBe(403);
  expect(await response.text()).toContain("MCP_ALLOWED_HOSTS");
}, testMs);
