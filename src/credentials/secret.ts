/**
 * The texts of secrets: from the configuration, or from files that are read each time they are
 * needed, so that a changed file takes effect without a restart. For an unusable file there is a
 * sentence that names the key of the configuration, without the path and the content.
 */
import { withDeadline } from "../clock.ts";
import type { Secret } from "../config/config.ts";
import { isIdentifier, type ValuePlace, valueProblem } from "../config/credential_values.ts";
import { type CredentialDeps, type CredentialFailure, refuse } from "./provider.ts";

/** A required secret. */
export interface WantedSecret {
  readonly secret: Secret;
  /** Its key in the configuration: `credentials.token`. */
  readonly key: string;
  readonly place: ValuePlace;
}

/** Reads secrets; returns the texts in the order of the request. */
export type ReadSecrets = (
  wanted: readonly WantedSecret[],
  signal: AbortSignal,
) => Promise<{ readonly texts: readonly string[] } | CredentialFailure>;

/** What a reader needs. */
export interface SecretReaderDeps extends Pick<CredentialDeps, "limits" | "clock" | "addSecrets"> {
  readonly runtime: Pick<CredentialDeps["runtime"], "readText">;
}

/** Makes the reader of one server's secrets. */
export function createSecretReader(deps: SecretReaderDeps): ReadSecrets {
  const readOne = async (
    { secret, key, place }: WantedSecret,
    signal: AbortSignal,
  ): Promise<string | CredentialFailure> => {
    const isText = typeof secret === "string";
    const text = isText ? secret : await readFile(secret.file, deps, signal);
    const words = isText ? key : `the file of ${key}`;
    if (typeof text !== "string") {
      return refuse(`has no credentials: ${words} ${text.problem}`);
    }
    const problem = valueProblem(place, text);
    if (problem !== undefined) return refuse(`has no credentials: ${words}: ${problem}`);
    if (!isIdentifier(key)) deps.addSecrets([text]);
    return text;
  };
  return async (wanted, signal) => {
    const texts: string[] = [];
    for (const one of wanted) {
      const text = await readOne(one, signal);
      if (typeof text !== "string") return text;
      texts.push(text);
    }
    return { texts };
  };
}

/** The content of a file, without surrounding white space. */
async function readFile(
  file: string,
  { runtime, limits, clock }: SecretReaderDeps,
  signal: AbortSignal,
): Promise<string | { readonly problem: string }> {
  const read = runtime.readText(file).then(
    (text) => text?.trim() ?? { problem: "does not exist; create it, or correct the path" },
    () => ({ problem: "cannot be read; check its permissions" }),
  );
  const late = () => ({ problem: "takes too long to read" });
  return await withDeadline(clock, limits.secretFileMs, read, late, signal);
}
