/**
 * The tables of the database as SQL steps, from the first version of the file to the current one.
 * The stores that read and write the tables are the `sqlite_*.ts` files.
 */
import { clientLimits } from "../limits/client_limits.ts";
import { sharedPrincipal } from "../model.ts";

/** Step N brings a file of `user_version` N to N + 1. Steps are only ever added. */
export const schemaSteps: readonly string[] = [
  `CREATE TABLE sessions (
     key TEXT PRIMARY KEY,
     surface TEXT NOT NULL,
     principal TEXT NOT NULL,
     revision TEXT NOT NULL,
     client_info TEXT NOT NULL,
     capabilities TEXT NOT NULL,
     log_level TEXT,
     subscriptions TEXT NOT NULL,
     created_at INTEGER NOT NULL,
     active_at INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX sessions_active_at ON sessions (active_at);
   CREATE TABLE catalogs (
     key TEXT PRIMARY KEY,
     server TEXT NOT NULL,
     body TEXT NOT NULL,
     saved_at INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX catalogs_server ON catalogs (server, saved_at);
   CREATE TABLE children (
     group_id INTEGER PRIMARY KEY,
     identity TEXT NOT NULL,
     server TEXT NOT NULL,
     started_at INTEGER NOT NULL
   ) STRICT;`,
  `CREATE TABLE credentials (
     server TEXT NOT NULL,
     kind TEXT NOT NULL,
     binding TEXT NOT NULL,
     sealed TEXT NOT NULL,
     saved_at INTEGER NOT NULL,
     PRIMARY KEY (server, kind, binding)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX credentials_saved_at ON credentials (saved_at);
   CREATE TABLE credential_scopes (
     server TEXT NOT NULL,
     scope TEXT NOT NULL,
     seen_at INTEGER NOT NULL,
     PRIMARY KEY (server, scope)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX credential_scopes_seen_at ON credential_scopes (seen_at);`,
  // An older gateway stored client descriptions as large as a request may be.
  `DELETE FROM sessions
     WHERE length(client_info) > ${clientLimits.clientInfoBytesMax}
       OR length(capabilities) > ${clientLimits.clientCapabilitiesBytesMax};
   CREATE TABLE subscriptions (
     session TEXT NOT NULL,
     uri TEXT NOT NULL,
     UNIQUE (session, uri)
   ) STRICT;
   INSERT OR IGNORE INTO subscriptions (session, uri)
     SELECT sessions.key, item.value FROM sessions, json_each(
       CASE WHEN json_valid(sessions.subscriptions) THEN sessions.subscriptions ELSE '[]' END
     ) AS item
     WHERE item.type = 'text' AND length(item.value) <= ${clientLimits.subscriptionUriCharsMax};
   ALTER TABLE sessions DROP COLUMN subscriptions;
   CREATE TRIGGER sessions_end AFTER DELETE ON sessions BEGIN
     DELETE FROM subscriptions WHERE session = OLD.key;
   END;`,
  // The credentials of an older gateway are shared by all principals.
  `ALTER TABLE credentials RENAME TO shared_credentials;
   CREATE TABLE credentials (
     server TEXT NOT NULL,
     principal TEXT NOT NULL,
     kind TEXT NOT NULL,
     binding TEXT NOT NULL,
     sealed TEXT NOT NULL,
     saved_at INTEGER NOT NULL,
     PRIMARY KEY (server, principal, kind, binding)
   ) STRICT, WITHOUT ROWID;
   INSERT INTO credentials (server, principal, kind, binding, sealed, saved_at)
     SELECT server, '${sharedPrincipal.id}', kind, binding, sealed, saved_at
       FROM shared_credentials;
   DROP TABLE shared_credentials;
   CREATE INDEX credentials_saved_at ON credentials (saved_at);`,
  `ALTER TABLE sessions ADD COLUMN owner TEXT NOT NULL DEFAULT '';`,
  // Without the index on `active_at`, a new session writes one page. The column comes before the
  // texts, so that a sweep need not read long texts to reach it.
  `CREATE TABLE new_sessions (
     key TEXT PRIMARY KEY,
     active_at INTEGER NOT NULL,
     created_at INTEGER NOT NULL,
     surface TEXT NOT NULL,
     principal TEXT NOT NULL,
     revision TEXT NOT NULL,
     client_info TEXT NOT NULL,
     capabilities TEXT NOT NULL,
     log_level TEXT,
     owner TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
   INSERT INTO new_sessions (key, active_at, created_at, surface, principal, revision, client_info,
       capabilities, log_level, owner)
     SELECT key, active_at, created_at, surface, principal, revision, client_info,
       capabilities, log_level, owner FROM sessions;
   DROP TABLE sessions;
   ALTER TABLE new_sessions RENAME TO sessions;
   CREATE TRIGGER sessions_end AFTER DELETE ON sessions BEGIN
     DELETE FROM subscriptions WHERE session = OLD.key;
   END;`,
  `CREATE TABLE registry (
     position INTEGER PRIMARY KEY,
     name TEXT NOT NULL UNIQUE,
     sealed TEXT NOT NULL,
     disabled INTEGER NOT NULL,
     added_at INTEGER NOT NULL
   ) STRICT;`,
  // Of keys, codes and tokens only digests are stored. A body is JSON.
  `CREATE TABLE access_keys (
     name TEXT PRIMARY KEY,
     digest TEXT NOT NULL UNIQUE,
     body TEXT NOT NULL,
     created_at INTEGER NOT NULL,
     expires_at INTEGER,
     used_at INTEGER
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE users (
     name TEXT PRIMARY KEY,
     password TEXT,
     body TEXT NOT NULL,
     created_at INTEGER NOT NULL,
     used_at INTEGER
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE oauth_clients (
     id TEXT PRIMARY KEY,
     kind TEXT NOT NULL,
     body TEXT NOT NULL,
     created_at INTEGER NOT NULL,
     used_at INTEGER
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE oauth_grants (
     id TEXT PRIMARY KEY,
     client TEXT NOT NULL,
     principal TEXT NOT NULL,
     body TEXT NOT NULL,
     created_at INTEGER NOT NULL,
     used_at INTEGER
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX oauth_grants_client ON oauth_grants (client);
   CREATE INDEX oauth_grants_principal ON oauth_grants (principal);
   CREATE TABLE oauth_tokens (
     digest TEXT PRIMARY KEY,
     grant_id TEXT NOT NULL,
     kind TEXT NOT NULL,
     body TEXT NOT NULL,
     expires_at INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX oauth_tokens_grant ON oauth_tokens (grant_id);
   CREATE INDEX oauth_tokens_expires_at ON oauth_tokens (expires_at);`,
  // What servers granted to the gateway, and its own registrations at their issuers.
  `CREATE TABLE server_grants (
     server TEXT NOT NULL,
     principal TEXT NOT NULL,
     issuer TEXT NOT NULL,
     resource TEXT NOT NULL,
     sealed TEXT NOT NULL,
     saved_at INTEGER NOT NULL,
     PRIMARY KEY (server, principal, issuer, resource)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX server_grants_saved_at ON server_grants (saved_at);
   CREATE TABLE server_registrations (
     issuer TEXT NOT NULL,
     redirect_uri TEXT NOT NULL,
     sealed TEXT NOT NULL,
     saved_at INTEGER NOT NULL,
     PRIMARY KEY (issuer, redirect_uri)
   ) STRICT, WITHOUT ROWID;`,
  // Profiles of the registry, which hold no secrets. A body is JSON.
  `CREATE TABLE profiles (
     position INTEGER PRIMARY KEY,
     name TEXT NOT NULL UNIQUE,
     body TEXT NOT NULL,
     added_at INTEGER NOT NULL
   ) STRICT;`,
  // What was accepted of the tools of servers, the changes that wait for a person, and definitions.
  `CREATE TABLE tool_fingerprints (
     server TEXT NOT NULL,
     principal TEXT NOT NULL,
     variant TEXT NOT NULL,
     saved_at INTEGER NOT NULL,
     body TEXT NOT NULL,
     PRIMARY KEY (server, principal, variant)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE tool_changes (
     server TEXT NOT NULL,
     tool TEXT NOT NULL,
     fingerprint TEXT NOT NULL,
     seen_at INTEGER NOT NULL,
     body TEXT NOT NULL,
     PRIMARY KEY (server, tool, fingerprint)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE tool_definitions (
     server TEXT NOT NULL,
     fingerprint TEXT NOT NULL,
     body TEXT NOT NULL,
     PRIMARY KEY (server, fingerprint)
   ) STRICT, WITHOUT ROWID;`,
  // Event streams of sessions, to resume them after a crash. Requests are a JSON array of the ids
  // that have no answer; frames are encrypted, since they are results. The index on the time tells
  // age and size without a look at the frames.
  `CREATE TABLE streams (
     session TEXT NOT NULL,
     name TEXT NOT NULL,
     saved_at INTEGER NOT NULL,
     is_call INTEGER NOT NULL,
     requests TEXT NOT NULL,
     PRIMARY KEY (session, name)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE stream_frames (
     id INTEGER PRIMARY KEY,
     session TEXT NOT NULL,
     stream TEXT NOT NULL,
     first INTEGER NOT NULL,
     last INTEGER NOT NULL,
     saved_at INTEGER NOT NULL,
     bytes INTEGER NOT NULL,
     sealed TEXT NOT NULL,
     UNIQUE (session, stream, first)
   ) STRICT;
   CREATE INDEX stream_frames_saved_at ON stream_frames (saved_at, bytes);
   DROP TRIGGER sessions_end;
   CREATE TRIGGER sessions_end AFTER DELETE ON sessions BEGIN
     DELETE FROM subscriptions WHERE session = OLD.key;
     DELETE FROM streams WHERE session = OLD.key;
     DELETE FROM stream_frames WHERE session = OLD.key;
   END;`,
  // Whose share a session takes. An older gateway counted by principal.
  `ALTER TABLE sessions ADD COLUMN consumer TEXT NOT NULL DEFAULT '';`,
];
