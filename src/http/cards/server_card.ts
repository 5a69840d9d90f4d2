/**
 * The server card of a surface (SEP-2127): who it is and how to connect, never what it offers. A
 * server's card says what the server said of itself, as far as that is known; the texts are bounded
 * as the published schema demands.
 */
import { toSafePrefix } from "../../config/config.ts";
import { beginning } from "../../excerpt.ts";
import type { CardFacts } from "../../gateway/surface.ts";
import type { JsonObject } from "../../model.ts";
import { oneLine } from "../../one_line.ts";
import { servedRevisions } from "../../protocol/served_revisions.ts";
import { shownInfo } from "../../protocol/shown_info.ts";
import { fillName, type SurfaceKind } from "../surface_kinds.ts";

/** The media type of a card. */
export const cardType = "application/mcp-server-card+json";

/** What follows the path of an endpoint at its card, the place that SEP-2127 reserves. */
export const cardSuffix = "/server-card";

/** One surface as its card and the catalog name it. */
export interface CardSubject {
  /** The gateway's URL, without a slash at the end. */
  readonly base: string;
  readonly kind: SurfaceKind;
  /** Which of several; "" where there is only one. */
  readonly name: string;
}

/** What all cards of a gateway have in common. */
export interface CardDeps {
  readonly identity: { readonly name: string; readonly version: string };
  /** The kinds by which clients authenticate. */
  readonly authKinds: readonly string[];
  readonly sha256: (text: string) => string;
}

const schemaUrl = "https://static.modelcontextprotocol.io/schemas/v1/server-card.schema.json";

/** Bounds of the schema: of a text that people read, of half a name, and of a version. */
const textCharsMax = 100;
const partCharsMax = 99;
const versionCharsMax = 255;

/** A name in the form of the schema. */
const reverseDns = /^(?=.{3,200}$)[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/;

/** The `_meta` key of a card whose server has not described itself yet. */
const unknownKey = "mcp-wrapper/unknown";

/** The URL of a surface's MCP endpoint. */
export function endpointUrl({ base, kind, name }: CardSubject): string {
  return `${base}${fillName(kind.path, encodeURIComponent(name))}/mcp`;
}

/** The parts of a surface's name that no other surface of the host has. */
export interface CardName {
  /** The host, as the publisher's domain. */
  readonly host: string;
  /** Letters, digits, dots, `_` and `-`. */
  readonly own: string;
}

/** Names a surface by the host and the path of its URL. */
export function nameOf({ base, kind, name }: CardSubject, { sha256 }: CardDeps): CardName {
  const { hostname, pathname } = new URL(base);
  const path = `${pathname}${fillName(kind.path, toSafePrefix(name))}`;
  const parts = path.split("/").filter((part) => part !== "").map(toSafePrefix);
  // An IPv6 address has characters that no name can have.
  const host = hostname.replace(/[[\]]/g, "").replaceAll(":", "-").replace(/\.$/, "");
  return { host, own: shorten(parts.join(".") || "mcp", sha256) };
}

/** A part of a name within the schema's bound; a digest keeps long ones apart. */
function shorten(part: string, sha256: CardDeps["sha256"]): string {
  if (part.length <= partCharsMax) return part;
  const digest = sha256(part).slice(0, 9);
  return `${beginning(part, partCharsMax - digest.length - 1)}-${digest}`;
}

/** `gateway.example.com` as `com.example.gateway`; an address stays as it is. */
function reverse(host: string): string {
  return /^[\d.]+$/.test(host) ? host : host.split(".").reverse().join(".");
}

/** The card, as the schema of SEP-2127 describes it. */
export function toServerCard(
  subject: CardSubject,
  { serverInfo, description }: Pick<CardFacts, "serverInfo" | "description">,
  deps: CardDeps,
): JsonObject {
  const { kind: { isServer = false }, name } = subject;
  // One surface of several that is no server says nothing of the one server that it may have.
  const own = isServer || name === "" ? serverInfo : undefined;
  const { title = name || deps.identity.name, websiteUrl, icons } = shownInfo(
    deps.identity,
    own,
    { titles: true, icons: true },
  );
  const isUnknown = isServer && own === undefined;
  return {
    $schema: schemaUrl,
    name: isServer ? ownName(own) ?? generatedName(subject, deps) : generatedName(subject, deps),
    version: isServer ? versionOf(own) : deps.identity.version,
    title: oneLine(String(title), textCharsMax),
    description: descriptionOf(subject, description === undefined ? own : { description }),
    ...(websiteUrl === undefined ? {} : { websiteUrl }),
    ...(icons === undefined ? {} : { icons }),
    remotes: [{
      type: "streamable-http",
      url: endpointUrl(subject),
      supportedProtocolVersions: servedRevisions,
      ...headersFor(deps.authKinds),
    }],
    ...(isUnknown ? { _meta: { [unknownKey]: true } } : {}),
  };
}

function generatedName(subject: CardSubject, deps: CardDeps): string {
  const { host, own } = nameOf(subject, deps);
  return `${shorten(reverse(host), deps.sha256)}/${own}`;
}

/** The name that a server gives itself, if it is in the form of the schema. */
function ownName(own: JsonObject | undefined): string | undefined {
  const { name } = own ?? {};
  return typeof name === "string" && reverseDns.test(name) ? name : undefined;
}

function versionOf(own: JsonObject | undefined): string {
  const { version } = own ?? {};
  return (typeof version === "string" ? oneLine(version, versionCharsMax) : "") || "unknown";
}

function descriptionOf({ kind, name }: CardSubject, own: JsonObject | undefined): string {
  const { description } = own ?? {};
  const said = typeof description === "string" ? oneLine(description, textCharsMax) : "";
  if (said !== "") return said;
  const words = kind.isServer !== true
    ? "A gateway for the Model Context Protocol: one URL in front of many MCP servers"
    : own === undefined
    ? `Not known yet, because it has not answered the gateway: MCP server "${name}"`
    : `MCP server "${name}" behind a gateway`;
  return oneLine(words, textCharsMax);
}

/** The header that clients need where an API key is the only way in. */
function headersFor(authKinds: readonly string[]): JsonObject {
  if (authKinds.length === 0 || authKinds.some((kind) => kind !== "key")) return {};
  const description = "An API key, which the operator of the gateway makes";
  const key = { description, isRequired: true, isSecret: true };
  return {
    headers: [{
      name: "Authorization",
      description,
      value: "Bearer {key}",
      isRequired: true,
      isSecret: true,
      variables: { key },
    }],
  };
}
