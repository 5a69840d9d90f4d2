/**
 * The filter of a server's tools: whether it offers the tool with this own name. Also here: patterns
 * of names, in which `*` stands for any characters.
 */
import type { ToolFilter } from "./config.ts";

/** Whether the filter offers the tool with this own name. `deny` takes precedence over `allow`. */
export function isOffered(filter: ToolFilter, own: string): boolean {
  if (filter.deny?.some((pattern) => matchesPattern(pattern, own))) return false;
  return filter.allow === undefined || filter.allow.some((pattern) => matchesPattern(pattern, own));
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
