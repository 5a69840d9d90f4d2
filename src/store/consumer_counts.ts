/** How many sessions each consumer has, kept while sessions come and go. */

/** The counts. */
export interface ConsumerCounts {
  /** So many more, or fewer if negative. */
  add(consumer: string, count: number): void;
  of(consumer: string): number;
  all(): number;
  /** The consumers with most, those with most first. */
  greediest(max: number): readonly string[];
}

/** Makes them: there is no session. */
export function createConsumerCounts(): ConsumerCounts {
  const counts = new Map<string, number>();
  let total = 0;
  return {
    add(consumer, count) {
      const sum = (counts.get(consumer) ?? 0) + count;
      if (sum === 0) counts.delete(consumer);
      else counts.set(consumer, sum);
      total += count;
    },
    of: (consumer) => counts.get(consumer) ?? 0,
    all: () => total,
    greediest: (max) =>
      [...counts].sort(([, one], [, other]) => other - one).slice(0, max).map(([name]) => name),
  };
}
