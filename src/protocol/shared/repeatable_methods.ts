/** Requests that do no more when they are made twice: lists, reads, and settings. */
const repeatable: ReadonlySet<string> = new Set([
  "tools/list",
  "prompts/list",
  "prompts/get",
  "resources/list",
  "resources/templates/list",
  "resources/read",
  "resources/directory/read",
  "skills/list",
  "skills/get",
  "completion/complete",
  "resources/subscribe",
  "resources/unsubscribe",
  "logging/setLevel",
]);

/** Whether a request with this method may be made again though it may have been served. */
export function isRepeatableMethod(method: string): boolean {
  return repeatable.has(method);
}
