/**
 * Where the texts of a document come from: the configured place and, for references, what is below
 * it: the same origin for a URL, the same folder and below for a file. All other places are refused
 * before any request. Texts are bounded in number and size, and are read one after the other. Not
 * here: the content of the texts (parse.ts).
 */
import type { RestServerConfig } from "../../../config/config.ts";
import { folderOf, toFileUri } from "../../../config/path.ts";
import { createAuthorization } from "../../../credentials/credential_kinds.ts";
import { GatewayError } from "../../../errors.ts";
import { createHttpCaller } from "../../../outgoing/caller.ts";
import { toPublicUrl } from "../../../outgoing/failure.ts";
import type { UpstreamDeps } from "../../deps.ts";

/** Reads the texts of one document. */
export interface Source {
  /** The document itself; the base of its references. */
  readonly url: string;
  readonly isFile: boolean;
  /** For messages: without parts that could grant access. */
  readonly label: string;
  /** Why a reference to this place is not followed; undefined if it may be. */
  refuse(url: string): string | undefined;
  /** Rejects with a GatewayError. */
  read(url: string, signal: AbortSignal): Promise<string>;
}

/** One name for each place, whatever its spelling; without a fragment. */
export function toKey(url: string): string {
  const parsed = new URL(url);
  parsed.hash = "";
  if (parsed.protocol !== "file:") return parsed.href;
  const path = toPath(parsed.href);
  return path === undefined ? parsed.href : toFileUri(path);
}

/** The absolute path of a `file:` URL; undefined if the URL hides where it leads. */
function toPath(url: string): string | undefined {
  const { pathname, host, search } = new URL(url);
  try {
    const parts = pathname.split("/").map(decodeURIComponent);
    const isPlain = parts.every((part) => part !== ".." && part !== "." && !/[/\\\0]/.test(part));
    return isPlain && host === "" && search === "" ? parts.join("/") : undefined;
  } catch {
    return undefined;
  }
}

/** Makes the source of one server's document; nothing is read yet. */
export function openSource(config: RestServerConfig, location: string, deps: UpstreamDeps): Source {
  const { limits } = deps;
  const isFile = location.startsWith("/");
  const url = isFile ? toFileUri(location) : toKey(location);
  const fetch = isFile ? undefined : createFetch(config, url, deps);
  const label = isFile ? location.slice(location.lastIndexOf("/") + 1) : toPublicUrl(url);
  let documents = 0;
  let chars = 0;

  const readFile = async (path: string): Promise<string> => {
    const fail = (why: string, cause: unknown) =>
      new GatewayError(
        "upstream_unavailable",
        `Cannot read the file "${path.slice(path.lastIndexOf("/") + 1)}": ${why}`,
        {
          cause,
        },
      );
    let text: string | undefined;
    try {
      text = await deps.runtime.readText(path);
    } catch (cause) {
      throw fail("make it readable for the gateway", cause);
    }
    if (text === undefined) throw fail("there is no such file", new Error(path));
    return text;
  };

  return {
    url,
    isFile,
    label,
    refuse(target) {
      if (!isFile) {
        const { origin } = new URL(url);
        return new URL(target).origin === origin
          ? undefined
          : `it leaves "${origin}", where the document is`;
      }
      const folder = folderOf(location);
      const path = target.startsWith("file:") ? toPath(target) : undefined;
      return path?.startsWith(folder === "/" ? "/" : `${folder}/`)
        ? undefined
        : "it leaves the folder of the document";
    },
    async read(target, signal) {
      documents += 1;
      if (documents > limits.openApiDocumentsMax) {
        throw new GatewayError(
          "bad_upstream_response",
          `Cannot take "${label}": it refers to more than ${
            limits.openApiDocumentsMax - 1
          } other documents`,
        );
      }
      const text = fetch === undefined
        ? await readFile(toPath(target) ?? location)
        : await fetch(target, signal);
      chars += text.length;
      if (chars > limits.openApiCharsMax) {
        throw new GatewayError(
          "bad_upstream_response",
          `Cannot take "${label}": it has more than ${limits.openApiCharsMax} characters`,
        );
      }
      return text;
    },
  };
}

/**
 * Credentials are sent only if the configuration says that the API is at the document's own origin.
 */
function createFetch(
  config: RestServerConfig,
  url: string,
  deps: UpstreamDeps,
): (url: string, signal: AbortSignal) => Promise<string> {
  const { name: server, baseUrl } = config;
  const isOwn = baseUrl !== undefined && new URL(baseUrl).origin === new URL(url).origin;
  const headers = isOwn ? config.headers : {};
  const caller = createHttpCaller({
    ...deps,
    server,
    url,
    headers,
    authorization: createAuthorization({
      server,
      credentials: isOwn ? config.credentials : { type: "none" },
      baseUrl,
      headers,
    }, deps),
  });
  return async (target, signal) => {
    const answer = await caller.call({
      url: target,
      method: "GET",
      headers: { accept: "application/json, application/yaml, text/yaml;q=0.9, */*;q=0.5" },
      timeoutMs: config.startTimeoutMs,
      repeatable: true,
    }, signal);
    const { status } = answer;
    if (status === 200) return await answer.text();
    const advice = advise(status, isOwn, new URL(url).origin);
    throw answer.toError(`answers the request for its document with status ${status}; ${advice}`);
  };
}

function advise(status: number, isOwn: boolean, origin: string): string {
  // A busy or broken server is asked again, and its URL may be right.
  if (status === 429 || status >= 500) return "the gateway tries again later";
  if (status !== 401 && status !== 403) return "correct its URL";
  return isOwn
    ? "correct the credentials"
    : `set "baseUrl" to "${origin}" if the credentials may be sent there`;
}
