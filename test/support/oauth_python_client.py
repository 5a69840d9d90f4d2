"""The Python SDK's client with its own OAuth: logs in, uses a tool and prints what it says.

Usage: oauth_python_client.py URL REDIRECT. Prints the URL for the person, then reads the line with
the URL that the browser came back to.
"""

import asyncio
import json
import sys
from urllib.parse import parse_qs, urlparse

import httpx2
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientMetadata

url, redirect = sys.argv[1:]


class Memory:
    def __init__(self):
        self.tokens = None
        self.client = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client_info):
        self.client = client_info


async def show(authorization_url):
    print(json.dumps({"authorize": authorization_url}), flush=True)


async def come_back():
    line = await asyncio.to_thread(sys.stdin.readline)
    query = parse_qs(urlparse(line.strip()).query)
    state, iss = query.get("state", [None])[0], query.get("iss", [None])[0]
    return AuthorizationCodeResult(code=query["code"][0], state=state, iss=iss)


async def use(auth):
    async with httpx2.AsyncClient(auth=auth, follow_redirects=True) as http:
        async with Client(streamable_http_client(url, http_client=http)) as client:
            answer = await client.call_tool("echo", {"text": "hello"})
            return answer.content[0].text


async def main():
    metadata = OAuthClientMetadata(client_name="A Python client", redirect_uris=[redirect])
    memory = Memory()
    auth = OAuthClientProvider(url, metadata, memory, show, come_back)
    said = [await use(auth)]
    before = memory.tokens.access_token
    # As after its expiry: the client refreshes without the person.
    auth.context.token_expiry_time = 1.0
    said.append(await use(auth))
    print(json.dumps({"said": said, "refreshed": memory.tokens.access_token != before}), flush=True)


asyncio.run(main())
