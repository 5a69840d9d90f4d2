/** The part of `oidc-provider` that the oracles use; the package has no types. */
declare module "oidc-provider" {
  import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";

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

  /** A kind of token that belongs to a grant. */
  interface TokenModel {
    find(token: string): Promise<
      {
        readonly accountId: string;
        readonly clientId: string;
        readonly grantId: string;
        readonly aud: string | readonly string[];
        readonly exp: number;
        readonly scope?: string;
        destroy(): Promise<void>;
      } | undefined
    >;
    revokeByGrantId(id: string): Promise<void>;
  }

  /** What a person is asked for. */
  interface Interaction {
    readonly prompt: { readonly name: string };
    readonly params: { readonly client_id: string; readonly resource?: string };
    readonly session?: { readonly accountId: string };
  }

  /** The context of a request to the token endpoint. */
  interface TokenContext {
    readonly headers: Readonly<Record<string, string | undefined>>;
    readonly body: Properties;
    readonly oidc: { readonly params?: Properties };
  }

  /** A server with its models, which a program may make by itself. */
  export class Provider {
    constructor(issuer: string, configuration: Properties);
    readonly Client: { find(id: string): Promise<ClientRecord | undefined> };
    readonly ClientCredentials: {
      find(token: string): Promise<{ readonly jkt?: string } | undefined>;
    };
    readonly Grant: new (properties: Properties) => Grant;
    readonly AuthorizationCode: new (properties: Properties) => Model;
    readonly RefreshToken: (new (properties: Properties) => Model) & TokenModel;
    readonly AccessToken: TokenModel;
    on(event: "grant.success", listener: (context: TokenContext) => void): void;
    on(
      event: "registration_create.success",
      listener: (context: TokenContext, client: { readonly clientSecret?: string }) => void,
    ): void;
    on(
      event: "server_error" | "grant.error",
      listener: (context: TokenContext, error: Error) => void,
    ): void;
    interactionDetails(request: IncomingMessage, response: ServerResponse): Promise<Interaction>;
    interactionFinished(
      request: IncomingMessage,
      response: ServerResponse,
      result: Properties,
    ): Promise<void>;
    callback(): RequestListener;
  }

  export const errors: { readonly InvalidTarget: new () => Error };
}
