-- A database as gateways left it while version 12 of the tables was the latest.
CREATE TABLE catalogs (
     key TEXT PRIMARY KEY,
     server TEXT NOT NULL,
     body TEXT NOT NULL,
     saved_at INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
CREATE TABLE children (
     group_id INTEGER PRIMARY KEY,
     identity TEXT NOT NULL,
     server TEXT NOT NULL,
     started_at INTEGER NOT NULL
   ) STRICT;
CREATE TABLE credential_scopes (
     server TEXT NOT NULL,
     scope TEXT NOT NULL,
     seen_at INTEGER NOT NULL,
     PRIMARY KEY (server, scope)
   ) STRICT, WITHOUT ROWID;
CREATE TABLE subscriptions (
     session TEXT NOT NULL,
     uri TEXT NOT NULL,
     UNIQUE (session, uri)
   ) STRICT;
CREATE TABLE credentials (
     server TEXT NOT NULL,
     principal TEXT NOT NULL,
     kind TEXT NOT NULL,
     binding TEXT NOT NULL,
     sealed TEXT NOT NULL,
     saved_at INTEGER NOT NULL,
     PRIMARY KEY (server, principal, kind, binding)
   ) STRICT, WITHOUT ROWID;
CREATE TABLE "sessions" (
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
   , consumer TEXT NOT NULL DEFAULT '') STRICT, WITHOUT ROWID;
CREATE TABLE registry (
     position INTEGER PRIMARY KEY,
     name TEXT NOT NULL UNIQUE,
     sealed TEXT NOT NULL,
     disabled INTEGER NOT NULL,
     added_at INTEGER NOT NULL
   ) STRICT;
CREATE TABLE access_keys (
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
CREATE TABLE oauth_tokens (
     digest TEXT PRIMARY KEY,
     grant_id TEXT NOT NULL,
     kind TEXT NOT NULL,
     body TEXT NOT NULL,
     expires_at INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
CREATE TABLE server_grants (
     server TEXT NOT NULL,
     principal TEXT NOT NULL,
     issuer TEXT NOT NULL,
     resource TEXT NOT NULL,
     sealed TEXT NOT NULL,
     saved_at INTEGER NOT NULL,
     PRIMARY KEY (server, principal, issuer, resource)
   ) STRICT, WITHOUT ROWID;
CREATE TABLE server_registrations (
     issuer TEXT NOT NULL,
     redirect_uri TEXT NOT NULL,
     sealed TEXT NOT NULL,
     saved_at INTEGER NOT NULL,
     PRIMARY KEY (issuer, redirect_uri)
   ) STRICT, WITHOUT ROWID;
CREATE TABLE profiles (
     position INTEGER PRIMARY KEY,
     name TEXT NOT NULL UNIQUE,
     body TEXT NOT NULL,
     added_at INTEGER NOT NULL
   ) STRICT;
CREATE TABLE tool_fingerprints (
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
   ) STRICT, WITHOUT ROWID;
CREATE TABLE streams (
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
CREATE INDEX catalogs_server ON catalogs (server, saved_at);
CREATE INDEX credential_scopes_seen_at ON credential_scopes (seen_at);
CREATE INDEX credentials_saved_at ON credentials (saved_at);
CREATE INDEX oauth_grants_client ON oauth_grants (client);
CREATE INDEX oauth_grants_principal ON oauth_grants (principal);
CREATE INDEX oauth_tokens_grant ON oauth_tokens (grant_id);
CREATE INDEX oauth_tokens_expires_at ON oauth_tokens (expires_at);
CREATE INDEX server_grants_saved_at ON server_grants (saved_at);
CREATE INDEX stream_frames_saved_at ON stream_frames (saved_at, bytes);
INSERT INTO catalogs (key, server, body, saved_at)
  VALUES ('k', 'files', '{"a":"it''s"}', 3);
INSERT INTO children (group_id, identity, server, started_at)
  VALUES (77, 'boot 1 2', 'files', 4);
INSERT INTO credential_scopes (server, scope, seen_at)
  VALUES ('far', 'p:anonymous', 10);
INSERT INTO subscriptions (session, uri)
  VALUES ('a', 'x:2');
INSERT INTO subscriptions (session, uri)
  VALUES ('a', 'x:1');
INSERT INTO credentials (server, principal, kind, binding, sealed, saved_at)
  VALUES ('far', '', 'oauth2', 'b', 'sealed 1', 9);
INSERT INTO sessions (key, active_at, created_at, surface, principal, revision, client_info, capabilities, log_level, owner, consumer)
  VALUES ('a', 7, 5, '/mcp', 'anonymous', '2025-11-25', '{"name":"日本","version":"1"}', '{}', NULL, 'one', 'address 192.0.2.7');
INSERT INTO sessions (key, active_at, created_at, surface, principal, revision, client_info, capabilities, log_level, owner, consumer)
  VALUES ('b', 8, 6, '/servers/files/mcp', 'key:ci', '2025-06-18', '{}', '{"sampling":{}}', 'error', 'two', 'principal key:ci');
INSERT INTO registry (position, name, sealed, disabled, added_at)
  VALUES (1, 'far', 'sealed 2', 1, 11);
INSERT INTO access_keys (name, digest, body, created_at, expires_at, used_at)
  VALUES ('ci', 'd1', '{}', 12, NULL, 13);
INSERT INTO users (name, password, body, created_at, used_at)
  VALUES ('ada', 'hash', '{}', 14, NULL);
INSERT INTO oauth_clients (id, kind, body, created_at, used_at)
  VALUES ('c', 'registration', '{}', 15, 16);
INSERT INTO oauth_grants (id, client, principal, body, created_at, used_at)
  VALUES ('g', 'c', 'user:ada', '{}', 17, NULL);
INSERT INTO oauth_tokens (digest, grant_id, kind, body, expires_at)
  VALUES ('d2', 'g', 'refresh', '{}', 18);
INSERT INTO server_grants (server, principal, issuer, resource, sealed, saved_at)
  VALUES ('far', 'user:ada', 'https://i', 'https://r', 'sealed 3', 19);
INSERT INTO server_registrations (issuer, redirect_uri, sealed, saved_at)
  VALUES ('https://i', 'http://c', 'sealed 4', 20);
INSERT INTO profiles (position, name, body, added_at)
  VALUES (1, 'few', '{}', 21);
INSERT INTO tool_fingerprints (server, principal, variant, saved_at, body)
  VALUES ('files', '', 'v', 22, '{}');
INSERT INTO tool_changes (server, tool, fingerprint, seen_at, body)
  VALUES ('files', 't', 'f', 23, '{}');
INSERT INTO tool_definitions (server, fingerprint, body)
  VALUES ('files', 'f', '{}');
INSERT INTO streams (session, name, saved_at, is_call, requests)
  VALUES ('a', 's', 24, 1, '[1]');
INSERT INTO stream_frames (id, session, stream, first, last, saved_at, bytes, sealed)
  VALUES (1, 'a', 's', 1, 2, 25, 26, 'sealed 5');
CREATE TRIGGER sessions_end AFTER DELETE ON sessions BEGIN
     DELETE FROM subscriptions WHERE session = OLD.key;
     DELETE FROM streams WHERE session = OLD.key;
     DELETE FROM stream_frames WHERE session = OLD.key;
   END;
PRAGMA user_version = 13;
