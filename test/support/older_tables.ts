/** Tables as databases of older gateways have them; what took their place stands in src/store. */

/** Credentials and the scopes they were used for, before they had a principal: versions 2 and 3 of the file. */
export const olderCredentials = `CREATE TABLE credentials (
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
   CREATE INDEX credential_scopes_seen_at ON credential_scopes (seen_at);`;
