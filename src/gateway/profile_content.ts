/**
 * What the surface of a profile offers: the servers that it names, as far as they run, each with the
 * profile's filter within the server's own. Not here: the URLs of profiles (http/surface_kinds.ts).
 */
import type { ProfileConfig, ProfileServer } from "../config/config.ts";
import { narrowFilter } from "../config/tool_filter.ts";
import type { ListKind } from "../model.ts";
import type { RunningServers, Server, SurfaceContent } from "./server.ts";

/** The servers of profiles: the same object for as long as the profile and its server are. */
const known = new WeakMap<Server, WeakMap<ProfileConfig, Server>>();

/** What profiles offer of these servers; each call on a profile asks for it. */
const contents = new WeakMap<readonly Server[], WeakMap<ProfileConfig, SurfaceContent>>();

/** What the profile of this name offers; undefined: there is none that can be used. */
export function profileContent(
  name: string,
  { profiles, servers }: Pick<RunningServers, "profiles" | "servers">,
): SurfaceContent | undefined {
  const profile = profiles?.find((one) => one.name === name);
  if (profile === undefined || profile.problem !== undefined) return undefined;
  let ofServers = contents.get(servers);
  if (ofServers === undefined) contents.set(servers, ofServers = new WeakMap());
  let content = ofServers.get(profile);
  if (content === undefined) ofServers.set(profile, content = toContent(profile, servers));
  return content;
}

function toContent(profile: ProfileConfig, servers: readonly Server[]): SurfaceContent {
  const { names, card, search, description } = profile;
  return {
    servers: profile.servers.flatMap((part) => {
      const server = servers.find(({ config }) => config.name === part.name);
      return server === undefined ? [] : [toServer(profile, part, server)];
    }),
    // By the servers that it names: one that is disabled for a while changes no name.
    prefixed: names === "prefixed" || (names === "auto" && profile.servers.length !== 1),
    takesForeign: false,
    card,
    search,
    description,
  };
}

function toServer(profile: ProfileConfig, { tools }: ProfileServer, server: Server): Server {
  let ofServer = known.get(server);
  if (ofServer === undefined) known.set(server, ofServer = new WeakMap());
  let made = ofServer.get(profile);
  if (made === undefined) {
    const { config, upstream } = server;
    const filter = narrowFilter(config.tools, tools);
    made = { config: { ...config, tools: filter }, upstream, withheld: withheldBy(profile) };
    ofServer.set(profile, made);
  }
  return made;
}

const prompts: readonly ListKind[] = ["prompts"];
/** Templates and skills stand for resources. */
const resources: readonly ListKind[] = ["resources", "templates", "skills"];

function withheldBy(profile: ProfileConfig): ReadonlySet<ListKind> | undefined {
  const kinds = [
    ...(profile.prompts === false ? prompts : []),
    ...(profile.resources === false ? resources : []),
  ];
  return kinds.length === 0 ? undefined : new Set(kinds);
}
