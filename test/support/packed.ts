/**
 * The package as npm would publish it: built and packed once for all files of tests, and a registry
 * that offers it and leads to the real one for everything else. `npx`, `bunx` and Deno all obey its URL.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import process from "node:process";
import { alone } from "./outside.ts";
import { programCommand, projectDirectory, thisRuntime } from "./spawn_gateway.ts";

/** A packed package. */
export interface Packed {
  /** The path of its `.tgz`. */
  readonly tarball: string;
  /** The folder that it was packed from: `dist`, `package.json` and the rest. Other tests share it. */
  readonly folder: string;
  /** The paths in it. */
  readonly files: readonly string[];
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

const others = manifest.files.filter((name) => name !== "dist");
const contents = ["package.json", "README.md", "LICENSE", ...others];
const sources = [...contents, "src", "packaging/build.ts", "tsconfig.json", "tsconfig.build.json"];

/** The paths of the files at a path, which is a file or a folder. */
function filesAt(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** Changes with everything that the package is made of, and with what makes it. */
function digestOfSources(): string {
  const hash = createHash("sha256").update(JSON.stringify([thisRuntime, process.versions]));
  for (
    const path of [...sources, "bun.lock"].flatMap((name) => filesAt(join(projectDirectory, name)))
  ) {
    hash.update(`\0${path}\0`).update(readFileSync(path));
  }
  return hash.digest("hex").slice(0, 16);
}

/** Builds and packs it in a folder. */
function pack(folder: string): void {
  // Types are stripped alone: the build checks them.
  const build = programCommand("packaging/build.ts", [join(folder, "dist")], thisRuntime);
  runOrThrow(build.command, build.args, { cwd: projectDirectory });
  for (const name of contents) {
    cpSync(join(projectDirectory, name), join(folder, name), { recursive: true });
  }
  // The scripts would build once more.
  const packing = ["pack", "--json", "--ignore-scripts", "--pack-destination", folder];
  const [packed] = JSON.parse(runOrThrow("npm", packing, { cwd: folder })) as {
    filename: string;
    files: { path: string }[];
  }[];
  const files = (packed?.files ?? []).map(({ path }) => path);
  writeFileSync(join(folder, listing), JSON.stringify({ filename: packed?.filename, files }));
}

/** What npm said of the package. */
const listing = "packed.json";

/** How long a package that nothing asks for stays. */
const keptMsMax = 3_600_000;

/**
 * The package, built and packed by the first test that asks while the sources are as they are; others
 * wait for it.
 */
export function packPackage(): Packed {
  const all = join(realpathSync(tmpdir()), `mcp-wrapper-packed-${process.getuid?.() ?? 0}`);
  mkdirSync(all, { recursive: true, mode: 0o700 });
  const folder = join(all, digestOfSources());
  if (!existsSync(folder)) {
    alone(`${folder}.lock`, () => {
      if (existsSync(folder)) return;
      for (const name of readdirSync(all).filter((name) => !name.includes("."))) {
        const path = join(all, name);
        if (Date.now() - statSync(path).mtimeMs > keptMsMax) rmSync(path, { recursive: true });
      }
      const draft = `${folder}.draft`;
      rmSync(draft, { recursive: true, force: true });
      mkdirSync(draft);
      pack(draft);
      renameSync(draft, folder);
    });
  }
  const { filename, files } = JSON.parse(readFileSync(join(folder, listing), "utf8")) as {
    filename: string;
    files: string[];
  };
  return { folder, tarball: join(folder, filename), files };
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
