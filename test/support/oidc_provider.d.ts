/** The part of `oidc-provider` that the oracles use; the package has no types. */
declare module "oidc-provider" {
  import type { RequestListener } from "node:http";

  interface Model {
    save(): Promise<string>;
  }

  interface Grant extends Model {
    addOIDCScope(scope: string): void;
    addResourceScope(resource: string, scope: string): void;
  }

  interface ClientRecord {
    readonly clientId: string;
  }

  type Properties = Readonly<Record<string, unknown>>;

  /** A server with its models, which a program may make by itself. */
  export class Provider {
    constructor(issuer: string, configuration: Properties);
    readonly Client: { find(id: string): Promise<ClientRecord | undefined> };
    readonly ClientCredentials: {
      find(token: string): Promise<{ readonly jkt?: string } | undefined>;
    };
    readonly Grant: new (properties: Properties) => Grant;
    readonly AuthorizationCode: new (properties: Properties) => Model;
    readonly RefreshToken: new (properties: Properties) => Model;
    callback(): RequestListener;
  }

  export const errors: { readonly InvalidTarget: new () => Error };
}
