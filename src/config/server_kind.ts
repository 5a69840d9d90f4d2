/**
 * The interface between the reading of `mcp.json` and the kinds of servers. A kind is a row: the
 * forms that an entry of this kind can have, each with its keys and its reader. This folder
 * contains no row; the table is upstream/upstream_kinds.ts, where each row also says how its
 * upstream is made.
 */
import * as v from "valibot";
import type { ServerCommon, ServerConfig, ToolFilter } from "./config.ts";
import { commonEntries } from "./server_keys.ts";
import type { FileContext, Texts } from "./texts.ts";

/** What a reader gets in addition to its own keys. */
export interface EntryReading {
  /** The place of the entry in its file. */
  readonly path: string;
  /** Which tools the entry offers. */
  readonly tools: ToolFilter;
  /** Takes the problems, too: a server with problems fails. */
  readonly texts: Texts;
  readonly context: FileContext;
}

/** What a form reads: the keys of its kind, and the common keys that it may set. */
export type OwnPart<Config extends ServerConfig = ServerConfig> =
  & Omit<Config, keyof ServerCommon>
  & Partial<Pick<ServerCommon, "idleTimeoutMs" | "start">>;

/** One form of an entry. */
export interface ServerForm<Part extends OwnPart = OwnPart> {
  /** The key that names the form in error texts. */
  readonly by: string;
  /**
   * An entry with one of these keys has this form; an entry with none has the table's first form.
   */
  readonly markers: readonly string[];
  /** What the markers stand for in error texts: "a url". */
  readonly named: string;
  /** The keys of this form in addition to those of every server, with their schemas. */
  readonly entries: v.ObjectEntries;
  /** Reads an entry whose values were checked; undefined when problems leave nothing to read. */
  read(given: unknown, reading: EntryReading): Promise<Part | undefined>;
}

/** One kind of server, as the configuration sees it. */
export interface ServerKind {
  /** The `kind` of the configurations that its forms give. */
  readonly kind: string;
  /** Empty: no entry has this kind. */
  readonly forms: readonly ServerForm[];
}

/** The checked values of a form: its own keys, and those of every server. */
export type FormEntry<Entries extends v.ObjectEntries> = v.InferOutput<
  v.ObjectSchema<typeof commonEntries & Entries, undefined>
>;

/** Makes a form whose reader gets its keys with their types. */
export function defineForm<Entries extends v.ObjectEntries, Part extends OwnPart>(
  form: Omit<ServerForm, "entries" | "read"> & {
    readonly entries: Entries;
    readonly read: (
      entry: FormEntry<Entries>,
      reading: EntryReading,
    ) => Part | undefined | Promise<Part | undefined>;
  },
): ServerForm<Part> {
  const schema = v.object({ ...commonEntries, ...form.entries });
  return {
    ...form,
    read: async (given, reading) => await form.read(v.parse(schema, given), reading),
  };
}

/**
 * Whether a server is of this kind. One row makes all configurations of a kind, so the type
 * follows.
 */
export function isOfKind<Config extends ServerConfig>(
  server: ServerConfig,
  kind: Config["kind"],
): server is Config {
  return server.kind === kind;
}

/** The forms of all kinds, ready to check an entry. */
export interface ServerForms {
  readonly forms: readonly ServerForm[];
  /** Checks the keys of every form. */
  readonly schema: v.ObjectSchema<v.ObjectEntries, undefined>;
  /** The kind of an entry by its markers, which are not checked. */
  kindOf(entry: Readonly<Record<string, unknown>>): string;
}

/** Joins the forms of a table. Throws when two of them read one key differently. */
export function joinForms(kinds: readonly ServerKind[]): ServerForms {
  const forms = kinds.flatMap((kind) => kind.forms);
  const entries: v.ObjectEntries = {};
  for (const part of [...forms.map((form) => form.entries), commonEntries]) {
    for (const [key, schema] of Object.entries(part)) {
      if ((entries[key] ??= schema) === schema) continue;
      throw new Error(`Cannot use the kinds of servers: "${key}" has two schemas; share one`);
    }
  }
  const isOf = (entry: Readonly<Record<string, unknown>>) => (kind: ServerKind): boolean =>
    kind.forms.some(({ markers }) => markers.some((key) => entry[key] !== undefined));
  return {
    forms,
    schema: v.object(entries),
    kindOf: (entry) => (kinds.find(isOf(entry)) ?? kinds[0])?.kind ?? "failed",
  };
}
