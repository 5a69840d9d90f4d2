/**
 * The skills of the conformance fixtures: their files, what the extension's methods answer, and how
 * the files are listed as resources. Digests are the official package's. Serving is
 * fixture_handshake.ts and fixture_modern.ts.
 */
import { type Skill, skillEntry } from "@modelcontextprotocol/server/ext/skills";
import type { Json } from "./fixture_model.ts";

/** The extension's id, and what the fixtures declare of it. */
export const skillsCapability = {
  "io.modelcontextprotocol/skills": { directoryRead: true },
};

const scheme = "skill://";
const directory = "inode/directory";

/** The files of each skill, by the path of its folder. */
const folders: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "git-workflow": {
    "SKILL.md":
      "---\nname: git-workflow\ndescription: How this team branches and commits\n---\n\nSee references.\n",
    "references/commits.md": "# Commits\n",
  },
  "acme/billing/refunds": {
    "SKILL.md":
      "---\nname: refunds\ndescription: Refund a customer\nlicense: MIT\n---\n\nRead it.\n",
    "examples/email.md": "Dear customer,\n",
    "examples/de/email.md": "Sehr geehrte Kundin,\n",
  },
};

const entries: readonly Skill[] = await Promise.all(
  Object.entries(folders).map(([folder, files]) => skillEntry(folder, { ...files })),
);

/** Every file by its URI. */
const files = new Map<string, string>(
  Object.entries(folders).flatMap(([folder, own]) =>
    Object.entries(own).map(([path, text]) => [`${scheme}${folder}/${path}`, text] as const)
  ),
);

/** The text of a skill's file; undefined for other URIs. */
export const skillFileOf = (uri: string): string | undefined => files.get(uri);

/** The `SKILL.md` of each skill as a resource. */
export const listedSkills = entries.map(({ uri, frontmatter: { name, description } }) => ({
  uri,
  name,
  description,
  mimeType: "text/markdown",
}));

/** What a folder holds directly; undefined where there is none. */
function childrenOf(folder: string): Json[] | undefined {
  const start = `${folder}/`;
  const names = new Map<string, boolean>();
  for (const uri of files.keys()) {
    if (!uri.startsWith(start)) continue;
    const [name = "", ...deeper] = uri.slice(start.length).split("/");
    names.set(name, deeper.length > 0);
  }
  if (names.size === 0) return undefined;
  return [...names].map(([name, isFolder]) => ({
    uri: `${start}${name}`,
    name,
    mimeType: isFolder ? directory : "text/markdown",
  }));
}

const freshness = { ttlMs: 60_000, cacheScope: "public" };

/** The methods of the extension; undefined: the params name nothing that is served. */
export const skillMethods: Readonly<Record<string, (params: Json) => Json | undefined>> = {
  "skills/list": () => ({ skills: entries, ...freshness }),
  "skills/get": ({ uri }) => {
    const skill = entries.find((entry) => entry.uri === uri);
    return skill && { skill, ...freshness };
  },
  "resources/directory/read": ({ uri }) => {
    const resources = childrenOf(String(uri));
    return resources && { resources, ...freshness };
  },
};
