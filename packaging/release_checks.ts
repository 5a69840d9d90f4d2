/**
 * What must hold before a release, as a pure function of the files: one version everywhere, a dated
 * entry in the changelog, a clean checkout, a new tag.
 */

/** The facts. */
export interface ReleaseFacts {
  /** The texts of the files, by their path from the root. */
  readonly read: (path: string) => string;
  /** What `git status --porcelain` prints. */
  readonly changes: string;
  /** What `git tag` prints. */
  readonly tags: string;
}

/** The version that would be released. */
export function versionOf({ read }: Pick<ReleaseFacts, "read">): string {
  return String(JSON.parse(read("package.json")).version);
}

/** One sentence for each reason not to release. */
export function releaseProblems({ read, changes, tags }: ReleaseFacts): string[] {
  const npm = JSON.parse(read("package.json"));
  const version = versionOf({ read });
  const registry = JSON.parse(read("packaging/server.json"));
  const versions = {
    "deno.json": JSON.parse(read("deno.json")).version,
    "src/version.ts": /version: "([^"]*)"/.exec(read("src/version.ts"))?.[1],
    "packaging/server.json": registry.version,
    "packages of packaging/server.json": registry.packages[0].version,
  };
  const escaped = version.replaceAll(".", "\\.");
  const entry = new RegExp(`^## ${escaped} \\(\\d{4}-\\d{2}-\\d{2}\\)$`, "m");
  return [
    ...(/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version) ? [] : [`"${version}" is no version`]),
    ...Object.entries(versions).filter(([, other]) => other !== version)
      .map(([path, other]) => `${path} says ${other}, package.json ${version}`),
    ...(registry.name === npm.mcpName
      ? []
      : [`packaging/server.json has the name ${registry.name}, package.json ${npm.mcpName}`]),
    ...(registry.packages[0].identifier === npm.name
      ? []
      : [`packaging/server.json leads to ${registry.packages[0].identifier}, not to ${npm.name}`]),
    ...(entry.test(read("CHANGELOG.md"))
      ? []
      : [`CHANGELOG.md has no line "## ${version} (YYYY-MM-DD)"`]),
    ...(changes.trim() === "" ? [] : [`the checkout has changes:\n${changes.trimEnd()}`]),
    ...(tags.split("\n").includes(`v${version}`) ? [`the tag v${version} exists`] : []),
  ];
}
