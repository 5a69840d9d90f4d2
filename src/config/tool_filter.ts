/**
 * The filter of a server's tools: whether it offers the tool with this own name. Also here: patterns
 * of names, in which `*` stands for any characters.
 */

/** Which tools of a server are offered, under which names and with which descriptions. */
export interface ToolFilter {
  /** Absent: all. `*` stands for any characters. */
  readonly allow?: readonly string[] | undefined;
  readonly deny?: readonly string[] | undefined;
  /** Own name -> name to offer. */
  readonly rename?: Readonly<Record<string, string>> | undefined;
  /** Own name -> description to offer in place of the server's. */
  readonly describe?: Readonly<Record<string, string>> | undefined;
  /** The filter that this one narrows: a tool must pass both. */
  readonly within?: ToolFilter | undefined;
}

/** Whether the filter offers the tool with this own name. `deny` takes precedence over `allow`. */
export function isOffered({ allow, deny, within }: ToolFilter, own: string): boolean {
  if (within !== undefined && !isOffered(within, own)) return false;
  if (deny?.some((pattern) => matchesPattern(pattern, own))) return false;
  return allow === undefined || allow.some((pattern) => matchesPattern(pattern, own));
}

/** Whether the filter may withhold a tool. */
export function withholds({ allow, deny, within }: ToolFilter): boolean {
  return allow !== undefined || deny !== undefined || (within !== undefined && withholds(within));
}

/**
 * A filter that offers what both offer. Names and descriptions of `inner` come before those of
 * `outer`, and a name that both give to different tools belongs to the tool of `inner`.
 */
export function narrowFilter(outer: ToolFilter, inner: ToolFilter): ToolFilter {
  const { rename, describe, ...lists } = inner;
  const taken = new Set(Object.values(rename ?? {}));
  const free = Object.entries(outer.rename ?? {}).filter(([, name]) => !taken.has(name));
  const names = joined(free, rename);
  const texts = joined(Object.entries(outer.describe ?? {}), describe);
  return {
    ...lists,
    within: outer,
    ...(names === undefined ? {} : { rename: names }),
    ...(texts === undefined ? {} : { describe: texts }),
  };
}

function joined(
  first: readonly (readonly [string, string])[],
  second: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> | undefined {
  const members: Record<string, string> = Object.create(null);
  const all = [...first, ...Object.entries(second)];
  for (const [key, value] of all) members[key] = value;
  return all.length === 0 ? undefined : members;
}

/** The description that the filter gives to the tool with this own name; undefined: none. */
export function describedBy({ describe = {} }: ToolFilter, own: string): string | undefined {
  return Object.hasOwn(describe, own) ? describe[own] : undefined;
}

/** Whether a name matches a pattern in which `*` stands for any characters, in linear time. */
export function matchesPattern(pattern: string, name: string): boolean {
  const parts = pattern.split("*");
  const first = parts[0] ?? "";
  const last = parts.at(-1) ?? "";
  if (parts.length === 1) return pattern === name;
  if (!name.startsWith(first) || !name.endsWith(last)) return false;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= name.length - last.length;
}
