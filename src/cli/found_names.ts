/** Looks up names that a person typed; one that is not there is answered with the nearest. */
import { adviseName } from "../config/nearest.ts";
import { CommandError } from "./command_error.ts";

/** The server of this name. Throws `notFound` with the nearest name. */
export function findServer<Server extends { readonly name: string }>(
  servers: readonly Server[],
  name: string,
): Server {
  const found = servers.find((server) => server.name === name);
  if (found !== undefined) return found;
  throw unknownName("server", name, servers.map((server) => server.name));
}

/** The profile of this name. Throws `notFound` with the nearest name. */
export function findProfile<Profile extends { readonly name: string }>(
  profiles: readonly Profile[],
  name: string,
): Profile {
  const found = profiles.find((profile) => profile.name === name);
  if (found !== undefined) return found;
  throw unknownName("profile", name, profiles.map((profile) => profile.name));
}

/** The error for a name that is not there, with the nearest one. */
export function unknownName(what: string, name: string, known: readonly string[]): CommandError {
  return new CommandError(
    "notFound",
    `Cannot find ${what} "${name}"; ${adviseName(name, known)}`,
  );
}
