/**
 * The store of the gateway's own users: people who log in at its pages with a password or a
 * one-time link. Of passwords and links only hashes are stored. Not here: what may be stored
 * (users.ts), and where (src/store/).
 */
import * as v from "valibot";

/** A log-in link that was not used yet. */
export interface StoredLink {
  /** SHA-256 of its token in hex. */
  readonly digest: string;
  /** Wall clock. */
  readonly expiresAt: number;
}

/** One user as it is stored. */
export interface UserRow {
  readonly name: string;
  /** The argon2id hash in PHC form; absent: this user cannot log in with a password. */
  readonly password?: string | undefined;
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  /** The newest link; an older one cannot be used any more. */
  readonly link?: StoredLink | undefined;
  readonly createdAt: number;
  /** When this user last logged in. */
  readonly usedAt?: number | undefined;
}

/** Keeps the users. Names differ in letter case, too. */
export interface UserStore {
  /** All users by their names. */
  all(): Promise<readonly UserRow[]>;
  find(name: string): Promise<UserRow | undefined>;
  /** False if there is a user of this name, which stays as it is. */
  add(row: UserRow): Promise<boolean>;
  /**
   * Puts the result of `change` in the place of a user, in one step with finding it. False if
   * there is no such user, or if `change` returns undefined.
   */
  update(name: string, change: (row: UserRow) => UserRow | undefined): Promise<boolean>;
  /** False if there is no such user. */
  remove(name: string): Promise<boolean>;
}

/** What a store keeps of a user as one JSON text. */
const bodyForm = v.object({
  roles: v.array(v.string()),
  groups: v.array(v.string()),
  link: v.optional(v.object({ digest: v.string(), expiresAt: v.number() })),
});

/** The members of a user that are stored as one text. */
export type UserBody = v.InferOutput<typeof bodyForm>;

/** The text of these members. */
export function encodeUserBody({ roles, groups, link }: UserRow): string {
  return JSON.stringify({ roles, groups, link });
}

/** The members of a text; undefined if it is damaged. */
export function decodeUserBody(text: string): UserBody | undefined {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), bodyForm), text);
  return parsed.success ? parsed.output : undefined;
}
