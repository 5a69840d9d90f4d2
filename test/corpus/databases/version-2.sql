-- A database as gateways left it while version 2 of the tables was the latest.
CREATE TABLE sessions (
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
CREATE TABLE credentials (
     server TEXT NOT NULL,
     kind TEXT NOT NULL,
     binding TEXT NOT NULL,
     sealed TEXT NOT NULL,
     saved_at INTEGER NOT NULL,
     PRIMARY KEY (server, kind, binding)
   ) STRICT, WITHOUT ROWID;
CREATE TABLE credential_scopes (
     server TEXT NOT NULL,
     scope TEXT NOT NULL,
     seen_at INTEGER NOT NULL,
     PRIMARY KEY (server, scope)
   ) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_active_at ON sessions (active_at);
CREATE INDEX catalogs_server ON catalogs (server, saved_at);
CREATE INDEX credentials_saved_at ON credentials (saved_at);
CREATE INDEX credential_scopes_seen_at ON credential_scopes (seen_at);
INSERT INTO sessions (key, surface, principal, revision, client_info, capabilities, log_level, subscriptions, created_at, active_at)
  VALUES ('a', '/mcp', 'anonymous', '2025-11-25', '{"name":"日本","version":"1"}', '{}', NULL, '["x:2","x:1"]', 5, 7);
INSERT INTO sessions (key, surface, principal, revision, client_info, capabilities, log_level, subscriptions, created_at, active_at)
  VALUES ('b', '/servers/files/mcp', 'key:ci', '2025-06-18', '{}', '{"sampling":{}}', 'error', '[]', 6, 8);
INSERT INTO catalogs (key, server, body, saved_at)
  VALUES ('k', 'files', '{"a":"it''s"}', 3);
INSERT INTO children (group_id, identity, server, started_at)
  VALUES (77, 'boot 1 2', 'files', 4);
INSERT INTO credentials (server, kind, binding, sealed, saved_at)
  VALUES ('far', 'oauth2', 'b', 'sealed 1', 9);
INSERT INTO credential_scopes (server, scope, seen_at)
  VALUES ('far', 'p:anonymous', 10);
PRAGMA user_version = 2;
