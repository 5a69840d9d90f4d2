/**
 * What is publicly documented of how much clients take, as rows: one for each kind of client, by the
 * names that it gives itself in `clientInfo`. A client without a row has no limit. Each row names its
 * sources, which were read in November 2026. Clients that put the gateway's name before a tool's get
 * shorter names: `mcp-wrapper` is the name that `mcp-wrapper connect` gives it. Not here: what the
 * operator changes (gateway/client_bounds.ts).
 */

/** How much a client takes. */
export interface ClientBounds {
  /** Tools in its list. */
  readonly toolsMax?: number | undefined;
  /** Characters of a tool's name. */
  readonly nameCharsMax?: number | undefined;
  /** Characters of a tool's result. */
  readonly resultCharsMax?: number | undefined;
  /** The `_meta` key by which a tool's definition raises `resultCharsMax`, and how far at most. */
  readonly raisedBy?: { readonly key: string; readonly most: number } | undefined;
}

/** One kind of client. */
export interface KnownClient extends ClientBounds {
  /** How the configuration names it. */
  readonly id: string;
  /** Its `clientInfo.name` in lower case; `*` is any characters. */
  readonly names: readonly string[];
}

/** The longest name that a client accepts which puts this before a tool's name. */
const after = (prefix: string, most: number): number => most - prefix.length;

/** The rows. */
export const knownClients: readonly KnownClient[] = [
  {
    // Refuses results beyond 1048576 characters, images included, and names beyond 64:
    // https://github.com/strickvl/mcp-beeminder/issues/2 (April 2025),
    // https://github.com/anthropics/claude-code/issues/66519 (June 2026),
    // https://github.com/mattt/emcee/issues/46 (March 2025). The name is also that of claude.ai.
    id: "claude-desktop",
    names: ["claude-ai"],
    nameCharsMax: 64,
    resultCharsMax: 1_000_000,
  },
  {
    // Results beyond 50000 characters do not reach the model but a file, unless the tool says
    // otherwise: https://code.claude.com/docs/en/mcp (as quoted in September and October 2026 by
    // https://github.com/es617/obsidian-sync-mcp/pull/23 and
    // https://qiita.com/akihidem/items/32e331a9cbe0abf3af11). Earlier versions refuse 25000 tokens:
    // https://developers.figma.com/docs/figma-mcp-server/mcp-clients-issues. Names with their prefix
    // have at most 64 characters where tools are searched, and with some providers:
    // https://github.com/anthropics/claude-code/issues/16425 (January 2026),
    // https://github.com/ChromeDevTools/chrome-devtools-mcp/issues/1169 (March 2026).
    id: "claude-code",
    names: ["claude-code"],
    nameCharsMax: after("mcp__mcp-wrapper__", 64),
    resultCharsMax: 50_000,
    raisedBy: { key: "anthropic/maxResultSizeChars", most: 500_000 },
  },
  {
    // 80 tools, and before 40: https://github.com/Snowflake-Labs/mcp/issues/77 (September 2025),
    // https://github.com/DaxianLee/cocos-mcp-server/issues/11 (February 2026). The names of server and
    // tool together have less than 60 characters, or the tool is left out:
    // https://github.com/awslabs/mcp/issues/1283 (September 2025),
    // https://github.com/ComposioHQ/composio/issues/2788 (February 2026).
    id: "cursor",
    names: ["cursor", "cursor-vscode"],
    toolsMax: 80,
    nameCharsMax: after("mcp-wrapper", 59),
  },
  {
    // 128 tools in a request: https://github.com/microsoft/vscode-copilot-release/issues/11653 and
    // 13065 (July 2025); HARD_TOOL_LIMIT in the source of microsoft/vscode-copilot-chat.
    id: "vscode",
    names: ["visual studio code*", "visual-studio-code*"],
    toolsMax: 128,
  },
  {
    // The same limit, which is that of Copilot's API: HARD_TOOL_LIMIT, as above.
    id: "copilot",
    names: ["*copilot*"],
    toolsMax: 128,
  },
  {
    // 100 tools: https://docs.windsurf.com/windsurf/cascade/mcp.
    id: "windsurf",
    names: ["windsurf", "windsurf-client"],
    toolsMax: 100,
  },
  {
    // A server with more than 100 tools is refused as a whole:
    // https://github.com/homeassistant-ai/ha-mcp/issues/420 (January 2026),
    // https://github.com/hi-godot/godot-ai/issues/170 (April 2026).
    id: "antigravity",
    names: ["antigravity-client"],
    toolsMax: 100,
  },
  {
    // Names with their prefix have at most 63 characters; longer ones lose their middle, and two that
    // become the same hide each other: https://github.com/google-gemini/gemini-cli/pull/20987 (March
    // 2026) and 28971 (August 2026).
    id: "gemini-cli",
    names: ["gemini-cli-mcp-client*"],
    nameCharsMax: after("mcp_mcp-wrapper_", 63),
  },
  {
    // A result loses its middle beyond 10000 tokens, which Codex counts as 4 bytes each:
    // https://github.com/openai/codex/issues/14466 (March 2026),
    // https://github.com/cobuildwithus/murph/pull/785 (July 2026), codex-rs/core/src/truncate.rs.
    id: "codex",
    names: ["codex-mcp-client", "codex"],
    resultCharsMax: 40_000,
  },
  {
    // Results beyond 200000 characters do not reach the model but a file:
    // https://github.com/aaif-goose/goose/issues/6939 (February 2026) and pull/9256 (May 2026).
    id: "goose",
    names: ["goose*"],
    resultCharsMax: 200_000,
  },
  {
    // Cuts longer names: MAX_TOOL_NAME_LENGTH in crates/agent/src/thread.rs of zed-industries/zed.
    id: "zed",
    names: ["zed"],
    nameCharsMax: 64,
  },
  {
    // Sends longer names, which the model's API refuses:
    // https://github.com/anomalyco/opencode/pull/43684 (August 2026).
    id: "opencode",
    names: ["opencode"],
    nameCharsMax: after("mcp-wrapper_", 64),
  },
];
