/**
 * The steps of a Dockerfile without a container engine: each instruction works in a folder that
 * becomes the root of its processes. The base image is imitated by this machine's `/usr` (read only)
 * with a Node of our own in `/usr/local`. Needs Linux and root.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  globSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import { cacheDirectory } from "./python.ts";

/** One instruction: its name, and the rest of its line. */
export interface Instruction {
  readonly name: string;
  readonly rest: string;
}

/** The instructions of a Dockerfile, without comments and with continued lines joined. */
export function readDockerfile(text: string): Instruction[] {
  return text.replace(/^\s*#.*\n/gm, "").replace(/\\\n\s*/g, " ").split("\n")
    .map((line) => /^\s*([A-Z]+)\s+(.*?)\s*$/.exec(line))
    .flatMap((found) => found === null ? [] : [{ name: found[1] ?? "", rest: found[2] ?? "" }]);
}

/** A built image. */
export interface Image {
  readonly root: string;
  readonly user: string;
  /** What ENTRYPOINT and CMD say together. */
  readonly command: readonly string[];
  readonly healthCheck: readonly string[];
  /** Starts a command in it as its user. */
  start(command: readonly string[], env?: Readonly<Record<string, string>>): ChildProcess;
  /** Runs a command in it as its user to its end. */
  run(command: readonly string[], env?: Readonly<Record<string, string>>): {
    readonly status: number | null;
    readonly output: string;
  };
  dispose(): void;
}

/** Whether images can be built here. */
export const canBuildImages: boolean = process.platform === "linux" && process.getuid?.() === 0 &&
  spawnSync("unshare", ["--mount", "true"]).status === 0;

/** The user that the base image has. */
const users = "root:x:0:0::/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n";

function makeRoot(node: string): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "mcp-wrapper-image-")));
  // Every user of the image walks through it.
  chmodSync(root, 0o755);
  const make = (path: string) => mkdirSync(join(root, path), { recursive: true });
  for (const path of ["usr", "etc/ssl", "proc", "dev", "tmp", "root", "home/node"]) make(path);
  chmodSync(join(root, "tmp"), 0o1777);
  for (const name of ["bin", "sbin", "lib", "lib64"]) {
    const isLink = existsSync(`/${name}`) && lstatSync(`/${name}`).isSymbolicLink();
    if (isLink) symlinkSync(readlinkSync(`/${name}`), join(root, name));
  }
  writeFileSync(join(root, "etc/passwd"), users);
  writeFileSync(join(root, "etc/group"), "root:x:0:\nnode:x:1000:\n");
  for (const name of ["resolv.conf", "hosts", "nsswitch.conf"]) {
    if (existsSync(`/etc/${name}`)) cpSync(`/etc/${name}`, join(root, "etc", name));
  }
  const local = join(root, "local");
  mkdirSync(join(local, "bin"), { recursive: true });
  cpSync(realpathSync(node), join(local, "bin/node"));
  const npm = dirname(dirname(realpathSync(spawnSync("which", ["npm"]).stdout.toString().trim())));
  cpSync(npm, join(local, "lib/node_modules/npm"), { recursive: true });
  for (const name of ["npm", "npx"]) {
    symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, join(local, "bin", name));
  }
  return root;
}

/** What is mounted before each process; the mounts end with it. */
const mounts = [
  'mount --rbind /usr "$ROOT/usr" && mount -o remount,bind,ro "$ROOT/usr"',
  'mount --bind "$ROOT/local" "$ROOT/usr/local"',
  'mount --bind /etc/ssl "$ROOT/etc/ssl"',
  'mount --rbind /proc "$ROOT/proc"',
  'mount --rbind /dev "$ROOT/dev"',
].join(" && ");

/** The variables by which this machine reaches the network. */
const network = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => /_proxy$|CERT/i.test(name)),
);

/** Builds the image; `context` is the folder that COPY copies from. */
export function buildImage(
  instructions: readonly Instruction[],
  context: string,
  node: string,
): Image {
  const root = makeRoot(node);
  const env: Record<string, string> = { PATH: "/usr/local/bin:/usr/bin:/bin", HOME: "/root" };
  let user = "root";
  let folder = "/";
  let entrypoint: string[] = [];
  let command: string[] = [];
  let healthCheck: string[] = [];
  const inRoot = (path: string) => {
    const inner = path.startsWith("/") ? path : join(folder, path);
    return join(root, inner.replace(/^\/usr\/local(?=\/)/, "/local"));
  };
  const lineOf = (own: readonly string[]) => {
    const script = `${mounts} && exec /usr/sbin/chroot --userspec="$AS" "$ROOT" /bin/sh -c ` +
      `'cd "$0" && exec "$@"' "$FOLDER" "$@"`;
    return ["--mount", "--propagation", "private", "sh", "-c", script, "sh", ...own];
  };
  const envOf = (more: Readonly<Record<string, string>> = {}) => {
    const ids = user === "root" ? "0:0" : "1000:1000";
    return { ...network, ...env, ...more, ROOT: root, AS: ids, FOLDER: folder };
  };
  const dispose = () => rmSync(root, { recursive: true, force: true });
  const run: Image["run"] = (own, more) => {
    const done = spawnSync("unshare", lineOf(own), { encoding: "utf8", env: envOf(more) });
    return { status: done.status, output: `${done.stdout}${done.stderr}` };
  };
  const steps: Readonly<Record<string, (rest: string) => void>> = {
    FROM() {},
    EXPOSE() {},
    VOLUME(path) {
      if (!existsSync(inRoot(path))) throw new Error(`VOLUME ${path} does not exist`);
    },
    WORKDIR(path) {
      folder = path;
      mkdirSync(inRoot(path), { recursive: true });
    },
    USER: (name) => void (user = name),
    ENV(rest) {
      for (const [, name = "", value = ""] of rest.matchAll(/(\w+)=(\S+)/g)) env[name] = value;
    },
    COPY: (rest) => copy(rest, context, inRoot),
    RUN(rest) {
      const { status, output } = run(["/bin/sh", "-c", rest]);
      if (status !== 0) throw new Error(`RUN ${rest}: ${output}`);
    },
    HEALTHCHECK: (rest) => void (healthCheck = JSON.parse(rest.replace(/^.*?CMD /, ""))),
    ENTRYPOINT: (rest) => void (entrypoint = JSON.parse(rest)),
    CMD: (rest) => void (command = JSON.parse(rest)),
  };
  try {
    for (const { name, rest } of instructions) {
      const step = steps[name];
      if (step === undefined) throw new Error(`Cannot imitate ${name}`);
      step(rest);
    }
  } catch (fault) {
    dispose();
    throw fault;
  }
  return {
    root,
    user,
    command: [...entrypoint, ...command],
    healthCheck,
    start: (own, more) =>
      spawn("unshare", lineOf(own), { env: envOf(more), stdio: ["ignore", "pipe", "pipe"] }),
    run,
    dispose,
  };
}

/** Copies files of the context; those of another image are this machine's programs of that name. */
function copy(rest: string, context: string, inRoot: (path: string) => string): void {
  const isOther = rest.startsWith("--from=");
  const words = rest.split(/\s+/).filter((word) => !word.startsWith("--"));
  const target = words.pop() ?? "";
  const paths = words.flatMap((word) =>
    isOther
      ? [join(cacheDirectory, "python", "bin", basename(word))]
      : globSync(word, { cwd: context }).map((path) => join(context, path))
  );
  if (paths.length === 0) throw new Error(`COPY ${rest} finds nothing`);
  mkdirSync(inRoot(target), { recursive: true });
  for (const path of paths) {
    if (!statSync(path).isFile()) throw new Error(`COPY ${rest}: ${path} is no file`);
    cpSync(path, join(inRoot(target), basename(path)));
  }
}
