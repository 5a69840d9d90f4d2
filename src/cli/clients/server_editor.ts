/** What an editor of one format does to the list of servers in a text. Types only. */

/** How a file lists servers; JSON is JSONC without comments. */
export type ServerFormat = "jsonc" | "toml" | "yaml";

/** A server as its file describes it. */
export type ServerObject = { readonly [key: string]: unknown };

/** An entry to put into the object `listKey` at the top of a file. */
export interface ServerEntry {
  readonly listKey: string;
  readonly name: string;
  readonly entry: ServerObject;
}

/** Changes texts of one format. */
export interface ServerEditor {
  /** The new text, or undefined where the form of the file allows no insertion. */
  add(text: string, server: ServerEntry): string | undefined;
  /** The same for an entry that exists. */
  replace(text: string, server: ServerEntry): string | undefined;
}
