/** The memory for large bodies: in all, and of one principal. */
import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import { type BodySender, createBodyRoom } from "../../../src/http/body_room.ts";

const limits = { smallBodyBytesMax: 10, largeBodiesBytesMax: 100, principalBodiesBytesMax: 60 };

const senderOf = (id: string): BodySender => ({
  taker: id,
  refuseBody: () => new GatewayError("rate_limited"),
});

const codeOf = (work: () => void): string => {
  try {
    work();
    return "taken";
  } catch (thrown) {
    return thrown instanceof GatewayError ? thrown.code : "other";
  }
};

describe("large bodies", () => {
  test("of one principal have a share, so that those of another find room", () => {
    const room = createBodyRoom(limits);
    const [first, second, small] = [1, 2, 3].map(() => room.open(senderOf("ada")));
    first?.grow(40);
    expect(codeOf(() => second?.grow(30))).toBe("rate_limited");
    second?.leave();
    expect(codeOf(() => small?.grow(10))).toBe("taken");
    const other = room.open(senderOf("bob"));
    expect(codeOf(() => other.grow(60))).toBe("taken");
    expect(codeOf(() => room.open(senderOf("eve")).grow(11))).toBe("overloaded");
    // What was refused or has left takes no room.
    other.leave();
    first?.leave();
    const again = room.open(senderOf("ada"));
    expect(codeOf(() => again.grow(60))).toBe("taken");
    expect(codeOf(() => room.open(senderOf("ada")).grow(11))).toBe("rate_limited");
  });

  test("alone may exceed the share, also while it arrives in pieces", () => {
    const room = createBodyRoom(limits);
    const only = room.open(senderOf("ada"));
    for (let piece = 0; piece < 10; piece += 1) expect(codeOf(() => only.grow(10))).toBe("taken");
    expect(codeOf(() => only.grow(1))).toBe("overloaded");
  });

  test("leave room for the first body of a client that has none", () => {
    const room = createBodyRoom(limits);
    room.open(senderOf("ada")).grow(40);
    const bodies = [room.open(senderOf("bob")), room.open(senderOf("bob"))];
    expect(codeOf(() => bodies[0]?.grow(15))).toBe("taken");
    expect(codeOf(() => bodies[1]?.grow(15))).toBe("overloaded");
    expect(codeOf(() => room.open(senderOf("eve")).grow(45))).toBe("taken");
  });

  test("without a sender have no share of their own", () => {
    const room = createBodyRoom(limits);
    for (let body = 0; body < 5; body += 1) {
      expect(codeOf(() => room.open(undefined).grow(20))).toBe("taken");
    }
    expect(codeOf(() => room.open(undefined).grow(20))).toBe("overloaded");
  });
});
