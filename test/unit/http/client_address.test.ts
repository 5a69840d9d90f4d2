/** Where a request comes from: through trusted proxies, and past them. */
import { describe, expect, test } from "bun:test";
import { createForwarding } from "../../../src/http/client_address.ts";

const trusted = ["127.0.0.1", "10.0.0.0/8", "fd00::/8"];
const proxy = "10.0.0.1";

function requestWith(headers: Record<string, string>): Request {
  return new Request("http://localhost/", { headers });
}

function addressOf(
  headers: Record<string, string>,
  remoteAddress: string | undefined = proxy,
  proxies: readonly string[] = trusted,
): string | undefined {
  return createForwarding(proxies).clientAddress(requestWith(headers), { remoteAddress });
}

describe("the client's address", () => {
  test("is the peer's without a trusted proxy, whatever the headers say", () => {
    const spoofed = {
      "x-forwarded-for": "203.0.113.9",
      forwarded: "for=203.0.113.9;proto=https",
      "x-real-ip": "203.0.113.9",
      "cf-connecting-ip": "203.0.113.9",
      "true-client-ip": "203.0.113.9",
    };
    expect(addressOf(spoofed, "192.0.2.7")).toBe("192.0.2.7");
    expect(addressOf(spoofed, "127.0.0.1", [])).toBe("127.0.0.1");
    expect(createForwarding(trusted).clientAddress(requestWith(spoofed), {})).toBe(undefined);
    // Other headers than the two are no proxy's word.
    const { "x-forwarded-for": _, forwarded: __, ...others } = spoofed;
    expect(addressOf(others)).toBe(proxy);
  });

  test("is the right-most hop of X-Forwarded-For that is no trusted proxy", () => {
    const rows: [string, string][] = [
      ["203.0.113.9", "203.0.113.9"],
      // What stands left of the client's address is the client's own word.
      ["1.1.1.1, 127.0.0.1, 203.0.113.9", "203.0.113.9"],
      ["1.1.1.1, 203.0.113.9, 10.0.0.2, 127.0.0.1", "203.0.113.9"],
      ["203.0.113.9:4711", "203.0.113.9"],
      ["[2001:DB8:0::1]:4711", "2001:db8::1"],
      ["2001:db8::1", "2001:db8::1"],
      ["::ffff:203.0.113.9", "203.0.113.9"],
      ["203.0.113.9, fd00::1", "203.0.113.9"],
      // All of them are trusted: the farthest.
      ["10.0.0.9, 10.0.0.2", "10.0.0.9"],
      // Hidden or malformed hops: the nearest address that is known.
      ["unknown", proxy],
      ["203.0.113.9, unknown, 10.0.0.2", "10.0.0.2"],
      ["203.0.113.9, 10.0.0.2, ", proxy],
      ["203.0.113.999", proxy],
      ["evil.example", proxy],
      ["", proxy],
    ];
    for (const [header, expected] of rows) {
      expect([header, addressOf({ "x-forwarded-for": header })]).toEqual([header, expected]);
    }
  });

  test("is read from Forwarded in the same way", () => {
    const rows: [string, string][] = [
      ["for=203.0.113.9", "203.0.113.9"],
      ['For="[2001:db8::1]:4711";proto=https;by=10.0.0.1', "2001:db8::1"],
      ["for=1.1.1.1, for=203.0.113.9;proto=http, for=10.0.0.2", "203.0.113.9"],
      // A comma within quotes separates nothing.
      ['for=1.1.1.1;host="a,for=9.9.9.9",for=203.0.113.9', "203.0.113.9"],
      ["for=_hidden", proxy],
      ["for=unknown, for=10.0.0.2", "10.0.0.2"],
      ["proto=https", proxy],
    ];
    for (const [header, expected] of rows) {
      expect([header, addressOf({ forwarded: header })]).toEqual([header, expected]);
    }
  });

  test("is the proxy's where the two headers disagree: one may be the client's own", () => {
    const other = { "x-forwarded-for": "203.0.113.9", forwarded: "for=1.1.1.1" };
    expect(addressOf(other)).toBe(proxy);
    expect(addressOf({ ...other, forwarded: "for=203.0.113.9" })).toBe("203.0.113.9");
  });

  test("is compared in one spelling", () => {
    const headers = { "x-forwarded-for": "203.0.113.9" };
    expect(addressOf(headers, "::ffff:10.0.0.1")).toBe("203.0.113.9");
    expect(addressOf(headers, "::FFFF:A00:1")).toBe("203.0.113.9");
    expect(addressOf(headers, "10.0.0.1", ["::ffff:10.0.0.0/104"])).toBe("203.0.113.9");
    expect(addressOf(headers, "::ffff:192.0.2.1")).toBe("192.0.2.1");
    expect(addressOf(headers, "192.0.2.1", ["0.0.0.0/0"])).toBe("203.0.113.9");
    expect(addressOf(headers, "2001:db8::1", ["0.0.0.0/0"])).toBe("2001:db8::1");
    expect(addressOf(headers, "172.31.255.255", ["172.16.0.0/12"])).toBe("203.0.113.9");
    expect(addressOf(headers, "172.32.0.0", ["172.16.0.0/12"])).toBe("172.32.0.0");
  });
});

test("https counts only if a trusted proxy says it, in every header that it sends", () => {
  const rows: [boolean, string, Record<string, string>][] = [
    [true, proxy, { "x-forwarded-proto": "https" }],
    [true, proxy, { "x-forwarded-proto": "http, HTTPS" }],
    [true, proxy, { forwarded: "for=1.1.1.1;proto=http, for=203.0.113.9;proto=https" }],
    [false, proxy, { "x-forwarded-proto": "https, http" }],
    [false, proxy, { "x-forwarded-proto": "http", forwarded: "proto=https" }],
    [false, proxy, {}],
    [false, "192.0.2.1", { "x-forwarded-proto": "https", forwarded: "proto=https" }],
  ];
  for (const [expected, remoteAddress, headers] of rows) {
    const { isSecure } = createForwarding(trusted);
    expect(isSecure(requestWith(headers), { remoteAddress })).toBe(expected);
  }
  const none = createForwarding([]);
  const headers = { "x-forwarded-proto": "https" };
  expect(none.isSecure(requestWith(headers), { remoteAddress: "127.0.0.1" })).toBe(false);
});
