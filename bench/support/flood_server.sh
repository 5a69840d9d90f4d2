#!/bin/sh
# An MCP server over stdio in little memory: its tool "flood" logs "$1" notices of about 1 KB each,
# then answers, and leaves a file in the folder "$2", if that is given. "quiet" answers at once.
text=$(printf '%01000d' 0)
notice='{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":"'$text'"}}'
while IFS= read -r line; do
  id=${line#*\"id\":}
  id=${id%%[,\}]*}
  case $line in
    *'"method":"initialize"'*)
      printf '{"jsonrpc":"2.0","id":%s,"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{},"logging":{}},"serverInfo":{"name":"flood","version":"1"}}}\n' "$id" ;;
    *'"method":"tools/list"'*)
      printf '{"jsonrpc":"2.0","id":%s,"result":{"tools":[{"name":"flood","inputSchema":{"type":"object"}},{"name":"quiet","inputSchema":{"type":"object"}}]}}\n' "$id" ;;
    *'"name":"quiet"'*)
      printf '{"jsonrpc":"2.0","id":%s,"result":{"content":[]}}\n' "$id" ;;
    *'"method":"tools/call"'*)
      yes "$notice" | head -n "$1"
      printf '{"jsonrpc":"2.0","id":%s,"result":{"content":[{"type":"text","text":"done"}]}}\n' "$id"
      if [ -n "$2" ]; then : > "$2/$$"; fi ;;
    *'"method":"server/discover"'*)
      printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"no"}}\n' "$id" ;;
    *'"id":'*)
      printf '{"jsonrpc":"2.0","id":%s,"result":{}}\n' "$id" ;;
  esac
done
