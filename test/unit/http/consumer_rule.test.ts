/** Whose share a request takes: the rule of consumers.ts, as the HTTP layer reads it. */
import { describe, expect, test as it } from "bun:test";
import { consumerOf, consumerOfSession } from "../../../src/consumers.ts";
import { createForwarding } from "../../../src/http/client_address.ts";
import { createConsumerRule } from "../../../src/http/consumer_rule.ts";
import { defaultLimits } from "../../../src/limits.ts";
import { anonymousPrincipal, type Principal } from "../../../src/model.ts";

const request = (forwardedFor?: string) =>
  new Request("http://gateway/mcp", {
    headers: forwardedFor === undefined ? {} : { "x-forwarded-for": forwardedFor },
  });

/** The consumer of a request without credentials to a gateway on this host. */
function open(host: string, trustedProxies: readonly string[] = []) {
  const { clientAddress } = createForwarding(trustedProxies);
  const rule = createConsumerRule({
    config: { host, trustedProxies },
    clientAddress,
    limits: defaultLimits,
  });
  return (
    remoteAddress?: string,
    forwardedFor?: string,
    principal: Principal = anonymousPrincipal,
  ) => rule(principal, request(forwardedFor), { remoteAddress });
}

describe("the consumer of a request", () => {
  it("is its principal, wherever it comes from", () => {
    const ann = { id: "key:ann" };
    const found = [
      open("127.0.0.1")("127.0.0.1", undefined, ann),
      open("0.0.0.0")("10.1.1.1", undefined, ann),
    ];
    expect(new Set(found).size).toBe(1);
    expect(found[0]).toBe(consumerOf({ principal: { id: "key:ann" } }));
    expect(consumerOfSession(found[0]!, "a session")).toBe(found[0]!);
  });

  it("is a session on loopback, and one for all requests without a session", () => {
    const ask = open("localhost");
    expect(ask("127.0.0.1")).toBe(ask("127.0.0.2"));
    const [one, other] = ["one", "other"].map((key) => consumerOfSession(ask("127.0.0.1"), key));
    expect(one).not.toBe(other);
    expect(one).not.toBe(ask("127.0.0.1"));
  });

  it("is the address elsewhere, whatever the session", () => {
    const ask = open("0.0.0.0");
    expect(ask("127.0.0.2")).not.toBe(ask("127.0.0.3"));
    expect(ask("::ffff:127.0.0.2")).toBe(ask("127.0.0.2"));
    expect(consumerOfSession(ask("127.0.0.2"), "one")).toBe(ask("127.0.0.2"));
    expect(ask(undefined)).not.toBe(ask("127.0.0.2"));
  });

  it("is the network of an IPv6 address", () => {
    const ask = open("::");
    expect(ask("2001:db8:1:2::1")).toBe(ask("2001:db8:1:2:ffff::9"));
    expect(ask("2001:db8:1:2::1")).not.toBe(ask("2001:db8:1:3::1"));
  });

  it("is the address that a trusted proxy names, on loopback too, and no other's word", () => {
    for (const host of ["0.0.0.0", "127.0.0.1"]) {
      const ask = open(host, ["127.0.0.1"]);
      expect(ask("127.0.0.1", "203.0.113.7")).not.toBe(ask("127.0.0.1", "203.0.113.8"));
      expect(ask("203.0.113.9", "203.0.113.7")).toBe(ask("203.0.113.9"));
    }
    const direct = open("127.0.0.1", ["127.0.0.1"])("127.0.0.1");
    expect(direct).toBe(open("127.0.0.1")("127.0.0.1"));
  });
});
