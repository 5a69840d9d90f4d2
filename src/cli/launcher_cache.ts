/** The caches of `npx` and `bunx`, which may be emptied at any time: what runs from one does not last. */

const cache = /[\\/](?:_npx|\.?bunx-[^\\/]*)[\\/]/;

/** Whether a path is in a cache of a launcher. */
export function isInLauncherCache(path: string): boolean {
  return cache.test(path);
}
