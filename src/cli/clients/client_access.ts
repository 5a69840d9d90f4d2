/**
 * What a client needs for a gateway whose clients authenticate: the URL alone where it logs in, or a
 * header with a key; and what each client is known to do differently.
 */
import type { AccessFacts } from "../../app.ts";
import { identity } from "../../version.ts";
import { endpointOf, type SurfaceChoice, surfaceOf } from "../surface_choice.ts";
import type { Client } from "./client_table.ts";

/** How a client behaves where it can log in. */
interface ClientLogin {
  /** `document`: it has a public document (CIMD); `itself`: it only registers (RFC 7591). */
  readonly registers: "document" | "itself";
  /** It drops its own headers where it finds the log-in. */
  readonly dropsHeaders?: true;
}

/** By the id of the client. One without a row reaches servers by programs alone. */
const logins: Readonly<Record<string, ClientLogin>> = {
  "claude-code": { registers: "document" },
  "cursor": { registers: "itself", dropsHeaders: true },
  "vscode": { registers: "document" },
  "windsurf": { registers: "itself" },
  "zed": { registers: "document" },
  "codex": { registers: "document" },
  "gemini": { registers: "itself" },
  "goose": { registers: "itself" },
};

/** How one client is set up to authenticate. */
export interface ClientAccess {
  /** The URL to use instead of the local one: a log-in is valid for the public URL alone. */
  readonly url?: string | undefined;
  /** For its entry, with those that were given. */
  readonly headers: Readonly<Record<string, string>>;
  /** What else there is to do, or to know. */
  readonly notes: readonly string[];
  /** Why the entry cannot connect as it is: a header has a placeholder. */
  readonly missing?: string | undefined;
}

/** What is known of a connection. */
export interface AccessQuestion {
  readonly client: Client;
  readonly facts: AccessFacts;
  readonly isByUrl: boolean;
  /** Those that the person gave. */
  readonly headers: Readonly<Record<string, string>>;
  readonly publicUrl: string | undefined;
  /** What the client connects to. */
  readonly choice: SurfaceChoice;
}

const makeKey = `make one with ${identity.name} keys add NAME`;
const addKey = "--header 'Authorization=Bearer KEY'";

/** How a client is set up for the gateway. */
export function accessOf(question: AccessQuestion): ClientAccess {
  const { client, facts: { kinds, server, issuers }, isByUrl, headers, publicUrl } = question;
  const { choice } = question;
  if (kinds.length === 0 || kinds.includes("none")) return { headers, notes: [] };
  if (!isByUrl) return { headers, notes: programNotes(question) };
  const hasHeader = Object.keys(headers).some((name) => name.toLowerCase() === "authorization");
  const isFindable = server?.isDiscoverable(surfaceOf(choice)) ?? issuers.length > 0;
  const { registers, dropsHeaders = false } = logins[client.id] ?? { registers: "itself" };
  if (hasHeader) return { headers, notes: isFindable && dropsHeaders ? [dropNote(question)] : [] };
  if (isFindable) {
    const cannotRegister = server?.registration === "off" && registers === "itself";
    return {
      headers,
      url: publicUrl === undefined ? undefined : `${publicUrl}${endpointOf(choice)}`,
      notes: [
        `${client.label} needs the URL alone: it opens a browser to log in when it connects.` +
        (kinds.includes("key") ? keyNote(client, dropsHeaders) : ""),
        ...(cannotRegister
          ? [
            `${client.label} has to register: set auth.oauth.registration to "open", or list it ` +
            "in auth.oauth.clients and give it that client id.",
          ]
          : []),
        ...(server === undefined
          ? [`Its log-in is at ${issuers.map(({ issuer }) => issuer).join(" or ")}.`]
          : []),
      ],
    };
  }
  const isKey = kinds.includes("key");
  const missing = isKey
    ? `The gateway asks clients for a key: ${makeKey}, and add ${addKey} here.`
    : `The gateway asks clients for a token: add --header 'Authorization=Bearer TOKEN' here.`;
  return {
    headers: { ...headers, Authorization: `Bearer ${isKey ? "KEY" : "TOKEN"}` },
    notes: [],
    missing,
  };
}

function keyNote({ label }: Client, dropsHeaders: boolean): string {
  return dropsHeaders
    ? ` A key is no use to it, because ${label} drops headers where it finds a log-in.`
    : ` With a key it does not have to: ${makeKey}, and add ${addKey}.`;
}

function dropNote({ client: { label }, choice }: AccessQuestion): string {
  return `${label} drops its headers where it finds a log-in: leave the header out, or set ` +
    `auth.oauth.discovery to {"${surfaceOf(choice)}": false} for clients with keys.`;
}

/** A program over stdio is let in by the gateway's own files; some clients can connect from afar. */
function programNotes(
  { client, facts: { server }, publicUrl, choice }: AccessQuestion,
): string[] {
  const isSecure = publicUrl?.startsWith("https:") === true;
  const isFindable = server?.isDiscoverable(surfaceOf(choice)) === true;
  return client.byUrl === undefined && isSecure && isFindable
    ? [
      `Or add ${publicUrl}${
        endpointOf(choice)
      } as a custom connector in the settings of ${client.label}: ` +
      "it then logs in, and works on all devices of the account.",
    ]
    : [];
}
