/** The configuration of traces: plain data, already checked. otel_settings.ts makes it. */

/** Which calls are recorded: by the client's trace, if it has one and `isParentBased`, or else by chance. */
export interface SamplerConfig {
  readonly isParentBased: boolean;
  /** The share of calls that are recorded, from 0 to 1. */
  readonly ratio: number;
}

/** Where the spans of calls are sent: a collector that takes OTLP over HTTP, as JSON. */
export interface TracesConfig {
  /** Of the requests themselves, such as `http://localhost:4318/v1/traces`. */
  readonly url: string;
  /** Sent with each request; names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** How long one request may take. */
  readonly timeoutMs: number;
  /** Attributes of the resource, in addition to the gateway's own or in their place. */
  readonly resource: Readonly<Record<string, string>>;
  readonly sampler: SamplerConfig;
}
