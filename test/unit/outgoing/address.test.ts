/**
 * The addresses to which a server may send the gateway: the edges of every block, and every way to
 * hide one.
 */
import { describe, expect, test } from "bun:test";
import { isPublicAddress } from "../../../src/outgoing/address.ts";

/** First and last of each block that is refused, and its public neighbours where it has some. */
const blocks: readonly { name: string; refused: readonly string[]; open?: readonly string[] }[] = [
  { name: "this network", refused: ["0.0.0.0", "0.255.255.255"], open: ["1.0.0.0"] },
  {
    name: "private 10/8",
    refused: ["10.0.0.0", "10.255.255.255"],
    open: ["9.255.255.255", "11.0.0.0"],
  },
  {
    name: "carriers' 100.64/10, which holds a cloud's metadata",
    refused: ["100.64.0.0", "100.100.100.200", "100.127.255.255"],
    open: ["100.63.255.255", "100.128.0.0"],
  },
  {
    name: "loopback",
    refused: ["127.0.0.0", "127.0.0.1", "127.255.255.255"],
    open: ["126.255.255.255", "128.0.0.0"],
  },
  {
    name: "link-local, which holds metadata",
    refused: ["169.254.0.0", "169.254.169.254", "169.254.255.255"],
    open: ["169.253.255.255", "169.255.0.0"],
  },
  {
    name: "a cloud's own wire",
    refused: ["168.63.129.16"],
    open: ["168.63.129.15", "168.63.129.17"],
  },
  {
    name: "private 172.16/12",
    refused: ["172.16.0.0", "172.31.255.255"],
    open: ["172.15.255.255", "172.32.0.0"],
  },
  {
    name: "protocol assignments, which hold metadata",
    refused: ["192.0.0.0", "192.0.0.192", "192.0.0.255"],
    open: ["191.255.255.255", "192.0.1.0"],
  },
  {
    name: "documentation",
    refused: ["192.0.2.0", "192.0.2.255", "198.51.100.7", "203.0.113.255"],
    open: ["192.0.3.0", "198.51.101.0", "203.0.114.0"],
  },
  { name: "6to4 relays", refused: ["192.88.99.1"], open: ["192.88.98.255", "192.88.100.0"] },
  {
    name: "private 192.168/16",
    refused: ["192.168.0.0", "192.168.255.255"],
    open: ["192.167.255.255", "192.169.0.0"],
  },
  {
    name: "benchmarks",
    refused: ["198.18.0.0", "198.19.255.255"],
    open: ["198.17.255.255", "198.20.0.0"],
  },
  {
    name: "multicast, the reserved rest, broadcast",
    refused: ["224.0.0.0", "239.255.255.255", "240.0.0.0", "255.255.255.255"],
    open: ["223.255.255.255"],
  },
  { name: "nothing and loopback in IPv6", refused: ["::", "::1", "0:0:0:0:0:0:0:1"] },
  {
    name: "IPv4 inside IPv6, mapped, compatible or translated, whatever it carries",
    refused: [
      "::ffff:10.0.0.1",
      "::ffff:a00:1",
      "::ffff:8.8.8.8",
      "::ffff:127.0.0.1",
      "::127.0.0.1",
      "::8.8.8.8",
      "::ffff:0:8.8.8.8",
    ],
  },
  {
    name: "NAT64, which is judged by what it carries",
    refused: ["64:ff9b::10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::8.8.8.8"],
    open: ["64:ff9b::8.8.8.8", "64:ff9b::808:808"],
  },
  {
    name: "6to4 and Teredo",
    refused: ["2002::1", "2002:7f00:1::", "2002:808:808::1", "2001::1", "2001:0:1234::1"],
    open: ["2003::1", "2001:200::1"],
  },
  {
    name: "private and local IPv6",
    refused: ["fc00::1", "fd00:ec2::254", "fdff:ffff::1", "fe80::1", "febf::1", "fec0::1"],
  },
  { name: "IPv6 with its interface", refused: ["fe80::1%eth0", "2606:4700::1111%eth0"] },
  { name: "IPv6 multicast", refused: ["ff02::1", "ff0e::1"] },
  {
    name: "IPv6 for documentation, benchmarks, discard and the rest that is unassigned",
    refused: ["2001:db8::1", "2001:2::1", "3fff::1", "3fff:fff::1", "100::1", "5f00::1", "4000::1"],
    open: ["3ffe::1", "2001:db9::1"],
  },
  {
    name: "what is no address",
    refused: [
      "",
      "localhost",
      "1.2.3",
      "1.2.3.4.5",
      "256.1.1.1",
      "0x8.8.8.8",
      " 8.8.8.8",
      "8.8.8.8:80",
      "[2606:4700::1111]",
      "1:2:3:4:5:6:7:8:9",
      "2606:4700::1111]/@[::1",
    ],
  },
  {
    name: "no address that is really public",
    refused: [],
    open: ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "2a00:1450:4001:80e::200e"],
  },
];

describe("F2 F3 the address guard", () => {
  for (const { name, refused, open = [] } of blocks) {
    test(`refuses ${name}`, () => {
      expect([...refused, ...open].filter((address) => isPublicAddress(address))).toEqual([
        ...open,
      ]);
    });
  }
});
