/**
 * Caddy and nginx as operators set them up (docs/operations.md), as real programs with a certificate
 * of a local authority. A request goes to them under the public name, which no look-up knows.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { otherTls, testAuthority } from "./certificates.ts";
import { until } from "./wait.ts";

/** The name in the certificate. */
export const publicName = "other.test";

/** The port on which a proxy listens, and the port of the gateway behind it. */
interface Ports {
  readonly port: number;
  readonly gateway: number;
}

/** A proxy program. */
export interface ProxyKind {
  readonly name: string;
  readonly isThere: boolean;
  /** Whether the gateway gets the port in `Host`, as the client wrote it. */
  readonly keepsPort: boolean;
  readonly arguments: (folder: string) => readonly string[];
  readonly configuration: (folder: string, ports: Ports) => string;
}

const isThere = (command: string, argument: string): boolean =>
  spawnSync(command, [argument], { stdio: "ignore" }).status === 0;

/** Both programs, whether or not they are installed. */
export const proxyKinds: readonly ProxyKind[] = [
  {
    name: "caddy",
    isThere: isThere("caddy", "version"),
    keepsPort: true,
    arguments: (folder) => ["run", "--adapter", "caddyfile", "--config", join(folder, "config")],
    configuration: (folder, { port, gateway }) =>
      `{
	admin off
	auto_https disable_redirects
	storage file_system ${folder}/storage
}
https://${publicName}:${port} {
	bind 127.0.0.1
	tls ${folder}/cert.pem ${folder}/key.pem
	reverse_proxy 127.0.0.1:${gateway} {
		flush_interval -1
	}
}
`,
  },
  {
    name: "nginx",
    isThere: isThere("nginx", "-v"),
    keepsPort: false,
    arguments: (folder) => ["-p", folder, "-e", join(folder, "log"), "-c", join(folder, "config")],
    configuration: (folder, { port, gateway }) =>
      `daemon off;
pid ${folder}/pid;
${process.getuid?.() === 0 ? "user root;" : ""}
worker_processes 1;
events { worker_connections 64; }
http {
    access_log off;
    ${
        ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
          .map((kind) => `${kind}_temp_path ${folder}/${kind};`).join("\n    ")
      }
    server {
        listen 127.0.0.1:${port} ssl;
        server_name ${publicName};
        ssl_certificate ${folder}/cert.pem;
        ssl_certificate_key ${folder}/key.pem;
        location / {
            proxy_pass http://127.0.0.1:${gateway};
            proxy_http_version 1.1;
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_buffering off;
            proxy_read_timeout 1h;
        }
    }
}
`,
  },
];

/** A proxy that runs. */
export interface RunningProxy {
  close(): Promise<void>;
}

/** Starts a proxy; resolves when it listens. */
export async function startProxy(kind: ProxyKind, ports: Ports): Promise<RunningProxy> {
  const folder = mkdtempSync(join(tmpdir(), `mcp-wrapper-${kind.name}-`));
  mkdirSync(join(folder, "storage"));
  writeFileSync(join(folder, "cert.pem"), otherTls.cert);
  writeFileSync(join(folder, "key.pem"), otherTls.key);
  writeFileSync(join(folder, "config"), kind.configuration(folder, ports));
  const env = { PATH: process.env["PATH"] ?? "", HOME: folder, XDG_CONFIG_HOME: folder };
  const child = spawn(kind.name, kind.arguments(folder), {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data) => output.push(String(data)));
  }
  const close = async () => {
    await stop(child);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await until(`${kind.name} to listen`, () => {
      if (child.exitCode !== null) throw new Error(`${kind.name} ended: ${output.join("")}`);
      return isOpen(ports.port);
    });
  } catch (fault) {
    await close();
    throw fault;
  }
  return { close };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await ended;
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

/** One request through a proxy. */
export interface PublicRequest {
  readonly port: number;
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** What came so far, each time that more comes. */
  readonly onText?: (text: string) => void;
}

/** The answer, whole. */
export interface PublicAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** Sends a request under the public name; the certificate must be of the local authority. */
export function sendPublicly(sent: PublicRequest): Promise<PublicAnswer> {
  const { port, path, method = "GET", headers = {}, body, onText } = sent;
  const { promise, resolve, reject } = Promise.withResolvers<PublicAnswer>();
  const outgoing = request({
    host: "127.0.0.1",
    port,
    path,
    method,
    servername: publicName,
    ca: testAuthority,
    agent: false,
    headers: { host: `${publicName}:${port}`, ...headers },
  }, (answer) => {
    let text = "";
    answer.on("data", (data) => {
      text += String(data);
      onText?.(text);
    });
    answer.on("error", reject);
    answer.on(
      "end",
      () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }),
    );
  });
  outgoing.on("error", reject);
  outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  return promise;
}
