/** A usual progress notice keeps its members; one without a number or a token is refused. */
import { describe, expect, test } from "bun:test";
import { legacyUpstreamCodec as codec } from "../../../src/protocol/legacy/upstream_facing.ts";

const method = "notifications/progress";

describe("a progress notice", () => {
  test("keeps every member but its token and those of one hop", () => {
    const given = JSON.parse(
      '{"progressToken":7,"progress":0.5,"total":null,"message":"m","task":1,"__proto__":{"a":1}}',
    );
    const decoded = codec.decodeNotice(method, given);
    expect(decoded).toMatchObject({ kind: "ok", value: { request: 7 } });
    if (decoded.kind !== "ok") return;
    expect(JSON.stringify(decoded.value.notice.params))
      .toBe('{"progress":0.5,"message":"m","__proto__":{"a":1}}');
  });

  test("is refused without a number or a token", () => {
    for (
      const given of [{ progress: 1 }, { progressToken: 1 }, { progressToken: 1, progress: "1" }]
    ) {
      expect(codec.decodeNotice(method, given).kind).toBe("invalid");
    }
  });
});
