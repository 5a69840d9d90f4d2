/** How many sessions each principal has, kept while sessions come and go. */

/** The counts. */
export interface PrincipalCounts {
  /** So many more, or fewer if negative. */
  add(principal: string, count: number): void;
  of(principal: string): number;
  all(): number;
}

/** Makes them: there is no session. */
export function createPrincipalCounts(): PrincipalCounts {
  const counts = new Map<string, number>();
  let total = 0;
  return {
    add(principal, count) {
      const sum = (counts.get(principal) ?? 0) + count;
      if (sum === 0) counts.delete(principal);
      else counts.set(principal, sum);
      total += count;
    },
    of: (principal) => counts.get(principal) ?? 0,
    all: () => total,
  };
}
