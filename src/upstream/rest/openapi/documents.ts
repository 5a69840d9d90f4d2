/**
 * A document with everything that it refers to. It is read once, and references are then followed
 * without waiting. A forbidden reference is stored with its reason, so that only the parts that
 * need it are left out. Places are resolved by RFC 3986 against the text of the reference (OpenAPI
 * 3.1, section 4.6), pointers by RFC 6901. Not here: how a text is read (document_source.ts,
 * parse.ts).
 */
import { $RefParser } from "@apidevtools/json-schema-ref-parser";
import { sleep } from "../../../clock.ts";
import type { RestServerConfig } from "../../../config/config.ts";
import { GatewayError } from "../../../errors.ts";
import { isJsonObject } from "../../../json.ts";
import type { UpstreamDeps } from "../../deps.ts";
import { parseTree, toDocument } from "./parse.ts";
import { cutText } from "./cut_text.ts";
import { openSource, type Source, toKey } from "./document_source.ts";
import { member } from "./tree.ts";
import { Unusable } from "./unusable.ts";

/** A value and its text, against which its references are resolved. */
export interface Located {
  readonly value: unknown;
  readonly base: string;
}

/** A loaded document. */
export interface Documents {
  readonly root: Located;
  readonly isFile: boolean;
  /** For messages. */
  readonly label: string;
  /** The value itself, or the target of its `$ref`. Throws Unusable. */
  follow(at: Located): Located;
}

/** The longest chain of references; a longer one is a cycle. */
const hopsMax = 32;

/** A text, or why it was not read. */
type Text = { readonly value: unknown } | { readonly refused: string };

/** Reads a server's document and everything that it refers to; rejects with a GatewayError. */
export async function readDocuments(
  config: RestServerConfig,
  location: string,
  deps: UpstreamDeps,
  signal: AbortSignal,
): Promise<Documents> {
  const source = openSource(config, location, deps);
  const { url, isFile, label } = source;
  const { limits, clock } = deps;
  const stop = new AbortController();
  const end = () => stop.abort();
  if (signal.aborted) end();
  signal.addEventListener("abort", end);
  let isLate = false;
  const cancelTimer = clock.after(config.startTimeoutMs, () => {
    isLate = true;
    end();
  });
  try {
    const { value, refersOut } = await parseTree(
      await source.read(url, stop.signal),
      label,
      limits,
    );
    // Other work gets a turn between two big steps.
    await sleep(clock, 0, stop.signal);
    const root = toDocument(value, label);
    const texts = new Map<string, Text>([[url, { value: root }]]);
    if (refersOut) await readReferences(source, root, texts, deps, stop);
    return { root: { value: root, base: url }, isFile, label, follow: createFollow(texts) };
  } catch (thrown) {
    if (!isLate) throw thrown;
    throw new GatewayError(
      "upstream_timeout",
      `Cannot read "${label}" and what it refers to within ${config.startTimeoutMs} ms`,
      { cause: thrown },
    );
  } finally {
    cancelTimer();
    signal.removeEventListener("abort", end);
  }
}

/** Reads everything that a document refers to, and so on, into `texts`. */
async function readReferences(
  source: Source,
  root: object,
  texts: Map<string, Text>,
  deps: UpstreamDeps,
  stop: AbortController,
): Promise<void> {
  let failure: unknown;
  const readOne = async (key: string): Promise<unknown> => {
    if (failure !== undefined) throw failure;
    try {
      const text = await source.read(key, stop.signal);
      const { value } = await parseTree(text, key, deps.limits);
      texts.set(key, { value });
      return value;
    } catch (thrown) {
      failure = thrown;
      stop.abort();
      throw thrown;
    }
  };
  let last: Promise<unknown> = Promise.resolve();
  const read = ({ url }: { readonly url: string }): Promise<object> => {
    const key = toKey(url);
    const refused = source.refuse(url);
    if (refused !== undefined) {
      texts.set(key, { refused });
      return Promise.resolve({});
    }
    const next = last.then(() => readOne(key));
    last = next.catch(() => {});
    // The library wants an object; anything else has no parts to refer to.
    return next.then((value) => isJsonObject(value) ? value : {});
  };
  try {
    await new $RefParser().resolve(source.url, root, {
      resolve: { file: false, http: false, ours: { order: 1, canRead: true, read } },
      parse: {
        json: false,
        yaml: false,
        text: false,
        binary: false,
        ours: { order: 1, canParse: true, allowEmpty: true, parse: ({ data }) => data },
      },
    });
  } catch (cause) {
    stop.abort();
    if (failure !== undefined) throw failure;
    throw new GatewayError(
      "bad_upstream_response",
      `Cannot take "${source.label}": one of its references is not a URL`,
      { cause },
    );
  }
}

/** Follows references within the loaded texts. */
function createFollow(texts: ReadonlyMap<string, Text>): Documents["follow"] {
  const step = (at: Located, hops: { left: number }): Located => {
    const reference = member(at.value, "$ref");
    if (typeof reference !== "string") return at;
    const fail = (why: string) =>
      new Unusable(`cannot follow the reference ${quote(reference)}: ${why}`);
    if (hops.left === 0) throw fail("it leads in a circle");
    hops.left -= 1;
    if (!URL.canParse(reference, at.base)) throw fail("it is not a URL");
    const target = new URL(reference, at.base);
    const base = toKey(target.href);
    const text = texts.get(base);
    if (text === undefined) throw fail("its target was not found");
    if ("refused" in text) throw fail(text.refused);
    let here: Located = { value: text.value, base };
    const parts = toPointer(target.hash);
    if (parts === undefined) {
      throw fail("only pointers such as #/components/schemas/Name are supported");
    }
    for (const part of parts) {
      if (!has(here.value, part)) here = step(here, hops);
      if (!has(here.value, part)) throw fail("there is nothing with that name");
      here = { value: (here.value as Record<string, unknown>)[part], base: here.base };
    }
    return step(here, hops);
  };
  return (at) => step(at, { left: hopsMax });
}

function quote(reference: string): string {
  return JSON.stringify(cutText(reference, quotedCharsMax));
}

const quotedCharsMax = 200;

function has(value: unknown, key: string): boolean {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key);
}

/** The parts of a fragment that is a JSON pointer; undefined for any other. */
function toPointer(hash: string): readonly string[] | undefined {
  if (hash === "" || hash === "#") return [];
  try {
    const [first, ...parts] = decodeURIComponent(hash.slice(1)).split("/");
    if (first !== "") return undefined;
    return parts.map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  } catch {
    return undefined;
  }
}
