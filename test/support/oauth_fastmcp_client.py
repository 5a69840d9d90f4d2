"""FastMCP's client with its own OAuth: opens the browser, uses a tool and prints what it says.

Usage: oauth_fastmcp_client.py URL
"""

import asyncio
import sys

from fastmcp import Client

url = sys.argv[1]


async def main():
    async with Client(url, auth="oauth") as client:
        answer = await client.call_tool("echo", {"text": "hello"})
        print(answer.content[0].text, flush=True)


asyncio.run(main())
