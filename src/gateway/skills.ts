/**
 * Skills of servers (SEP-2640): a skill is the `SKILL.md` that names it and the files below its
 * folder, all of them resources. An entry has the digests of its files, so that it is passed on to
 * the letter. Only where two servers have the same URI, the later one's whole skill gets gateway
 * URIs: its files keep their places below its folder. Not here: who asks which server
 * (skill_calls.ts).
 */
import { isJsonObject } from "../json.ts";
import { type JsonObject, type ListKind, listKinds } from "../model.ts";
import type { PolicyItem } from "./access_policy.ts";
import { offeredUri, type ServerList } from "./pages.ts";
import type { Server } from "./server.ts";
import { fromGatewayUri, toGatewayUri } from "./uri.ts";

/** What the URI of a skill ends with. */
const skillFile = "/SKILL.md";

/** The folder of a skill by the URI of its `SKILL.md`: that of a directory resource. */
export function folderOf(uri: string): string {
  return uri.endsWith(skillFile) ? uri.slice(0, -skillFile.length) : uri;
}

/** More than a scheme: the folder of `file:///SKILL.md` would hold every file that there is. */
const namedFolder = /^[^:/?#]+:\/*[^/]/;

/** Whether a skill's folder is one: no skill owns all URIs of a scheme. */
export function isFolder(folder: string): boolean {
  return namedFolder.test(folder);
}

/** Whether a URI is that of a folder, or of something in it. */
export function isWithin(folder: string, uri: string): boolean {
  return uri === folder || uri.startsWith(`${folder}/`);
}

/** The URIs of a skill's files, its own first; of a dynamic skill its own alone. */
function urisOf({ uri, resources }: JsonObject): readonly string[] {
  const files = Array.isArray(resources) ? resources.filter(isJsonObject) : [];
  return [uri, ...files.map((file) => file["uri"])].filter((one) => typeof one === "string");
}

/** What a list of a server says of URIs. */
export interface ListedUris {
  readonly uris: ReadonlySet<string>;
  /** The folders of skills. */
  readonly folders: ReadonlySet<string>;
}

/** The URIs in the resources or skills of a server. */
export type UrisIn = (kind: "resources" | "skills", items: readonly JsonObject[]) => ListedUris;

/** Makes the look-up and keeps what it found for as long as the lists live. */
export function createUrisIn(): UrisIn {
  const known = new WeakMap<readonly JsonObject[], ListedUris>();
  return (kind, items) => {
    const before = known.get(items);
    if (before !== undefined) return before;
    const found = kind === "skills" ? inSkills(items) : inResources(items);
    known.set(items, found);
    return found;
  };
}

function inSkills(skills: readonly JsonObject[]): ListedUris {
  const folders = new Set(skills.map(({ uri }) => folderOf(String(uri))).filter(isFolder));
  return { uris: new Set([...skills.flatMap(urisOf), ...folders]), folders };
}

function inResources(resources: readonly JsonObject[]): ListedUris {
  const { identity } = listKinds.resources;
  return { uris: new Set(resources.map((item) => String(item[identity]))), folders: new Set() };
}

/** Which server keeps a URI as it is: the first one that lists it. */
export type FirstOwner = (uri: string) => Server | undefined;

/** The owners by the lists of all servers, which stand in the order of the surface. */
export function createFirstOwner(
  urisIn: UrisIn,
  lists: readonly { readonly kind: "resources" | "skills"; readonly list: ServerList }[],
): FirstOwner {
  const listed = lists.map(({ kind, list: { server, items } }) =>
    [server, urisIn(kind, items).uris] as const
  );
  return (uri) => listed.find(([, uris]) => uris.has(uri))?.[0];
}

/** A skill as a surface of several servers offers it; `isForced`: under gateway URIs. */
export function toOfferedSkill(
  server: Server,
  skill: JsonObject,
  ownerOf: FirstOwner,
  isForced = false,
): JsonObject {
  const isRenamed = isForced ||
    urisOf(skill).some((uri) => offeredUri(server, uri, ownerOf(uri)) !== uri);
  if (!isRenamed) return skill;
  const { uri, resources } = skill;
  const files = Array.isArray(resources)
    ? resources.map((file: unknown) => isJsonObject(file) ? renamed(server, file) : file)
    : resources;
  return { ...skill, uri: toGatewayUri(server.config.name, String(uri)), resources: files };
}

const renamed = ({ config }: Server, holder: JsonObject): JsonObject => ({
  ...holder,
  uri: toGatewayUri(config.name, String(holder["uri"])),
});

/** A child of a directory as a surface of several servers offers it. */
export function toOfferedChild(
  server: Server,
  child: JsonObject,
  ownerOf: FirstOwner,
  isForced: boolean,
): JsonObject {
  const own = String(child["uri"]);
  if (isForced) return renamed(server, child);
  const offered = offeredUri(server, own, ownerOf(own));
  return offered === own ? child : { ...child, uri: offered };
}

/**
 * Whether a caller may know a skill: only with all of its files, since an entry that lacks one says
 * that there is no such file.
 */
export function isSkillAllowed(
  skill: JsonObject,
  isAllowed: (item: PolicyItem) => boolean,
): boolean {
  return urisOf(skill).every((own) => isAllowed({ kind: "skills", own }));
}

/** The kinds of lists that say whose a URI is. */
export const uriKinds: readonly ("resources" | "skills")[] = ["resources", "skills"];

/** Whether a kind is one of these. */
export function isUriKind(kind: ListKind): kind is "resources" | "skills" {
  return kind === "resources" || kind === "skills";
}

/** Whether a client asked for something by a gateway URI. */
export function isGatewayUri(uri: string): boolean {
  return fromGatewayUri(uri) !== undefined;
}
