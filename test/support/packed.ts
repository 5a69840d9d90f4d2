/**
 * The package as npm would publish it: built and packed into a temporary folder, and a registry that
 * offers it and leads to the real one for everything else. `npx`, `bunx` and Deno all obey its URL.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { programCommand, projectDirectory, thisRuntime } from "./spawn_gateway.ts";

/** A packed package. */
export interface Packed {
  /** The path of its `.tgz`. */
  readonly tarball: string;
  /** The folder that it was packed from: `dist`, `package.json` and the rest. */
  readonly folder: string;
  /** The paths in it. */
  readonly files: readonly string[];
  dispose(): void;
}

/** Its `package.json`. */
export const manifest = JSON.parse(
  readFileSync(join(projectDirectory, "package.json"), "utf8"),
) as { readonly name: string; readonly version: string; readonly files: readonly string[] };

/** Runs a command to its end; throws with its output if it fails. Returns its stdout. */
export function runOrThrow(
  command: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env?: Readonly<Record<string, string | undefined>> },
): string {
  const done = spawnSync(command, args, { ...options, encoding: "utf8" } as const);
  if (done.status === 0) return done.stdout;
  const { error, stdout, stderr } = done;
  throw new Error(`Cannot run ${[command, ...args].join(" ")}: ${error ?? ""}\n${stdout}${stderr}`);
}

/** Builds and packs it. */
export function packPackage(): Packed {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "mcp-wrapper-package-")));
  // Types are stripped alone: the build checks them.
  const build = programCommand("packaging/build.ts", [join(folder, "dist")], thisRuntime);
  runOrThrow(build.command, build.args, { cwd: projectDirectory });
  const others = manifest.files.filter((name) => name !== "dist");
  for (const name of ["package.json", "README.md", "LICENSE", ...others]) {
    cpSync(join(projectDirectory, name), join(folder, name), { recursive: true });
  }
  // The scripts would build once more.
  const packing = ["pack", "--json", "--ignore-scripts", "--pack-destination", folder];
  const [packed] = JSON.parse(runOrThrow("npm", packing, { cwd: folder })) as {
    filename: string;
    files: { path: string }[];
  }[];
  return {
    folder,
    tarball: join(folder, packed?.filename ?? ""),
    files: (packed?.files ?? []).map(({ path }) => path),
    dispose: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** A registry with the packed package. */
export interface PackageRegistry {
  readonly url: string;
  close(): void;
}

/** Starts the registry on loopback. */
export async function serveRegistry({ tarball }: Packed): Promise<PackageRegistry> {
  const bytes = readFileSync(tarball);
  const integrity = `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
  const real = runOrThrow("npm", ["config", "get", "registry"], { cwd: tmpdir() }).trim();
  let url = "";
  const packument = () => ({
    name: manifest.name,
    "dist-tags": { latest: manifest.version },
    versions: {
      [manifest.version]: {
        ...manifest,
        dist: { tarball: `${url}/${manifest.name}/-/${basename(tarball)}`, integrity },
      },
    },
  });
  const server = createServer((request, response) => {
    const path = request.url ?? "/";
    if (path === `/${manifest.name}/-/${basename(tarball)}`) return void response.end(bytes);
    if (path !== `/${manifest.name}`) {
      return void response.writeHead(307, { location: `${real.replace(/\/$/, "")}${path}` }).end();
    }
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(packument()));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  return { url, close: () => server.close() };
}
