"""A visit by the Python SDK's client (visit.ts has the same for others): does everything once and
prints what came of it, with the revision that was agreed on, as one JSON line.

Usage: python_client.py URL MODE FILE; MODE is one of the client's own, FILE belongs to this visit.
"""

import asyncio
import json
import sys
import warnings

import mcp_types as types
from mcp import Client

warnings.simplefilter("ignore")
url, mode, file = sys.argv[1:]
watched = "test://watched-resource"
asked, logged, changed = [], [], set()
seconds = 10


async def answer_sampling(context, params):
    asked.append("sampling/createMessage")
    content = types.TextContent(type="text", text="sampled-answer")
    return types.CreateMessageResult(role="assistant", model="test-model", content=content)


async def answer_elicitation(context, params):
    asked.append("elicitation/create")
    return types.ElicitResult(action="accept", content={"name": "Ada Lovelace"})


async def answer_roots(context):
    asked.append("roots/list")
    return types.ListRootsResult(roots=[types.Root(uri="file:///tmp", name="temporary")])


async def note_log(params):
    logged.append(params.data)


async def note_message(message):
    if isinstance(message, types.ToolListChangedNotification):
        changed.add("tools")
    elif isinstance(message, types.PromptListChangedNotification):
        changed.add("prompts")
    elif isinstance(message, types.ResourceUpdatedNotification):
        changed.add(str(message.params.uri))


async def until(condition):
    """Waits for something; the report says when it was in vain."""
    for _ in range(seconds * 50):
        if condition():
            return
        await asyncio.sleep(0.02)


def lines():
    try:
        with open(file) as text:
            return text.read().splitlines()
    except FileNotFoundError:
        return []


async def text_of(client, tool, **arguments):
    return (await client.call_tool(tool, arguments)).content[0].text


async def prompt_of(client, name, **arguments):
    return (await client.get_prompt(name, arguments)).messages[0].content.text


async def contents_of(client, uri):
    return (await client.read_resource(uri)).contents[0].text


async def visit(client):
    is_modern = client.protocol_version >= "2026"

    async def complete():
        ref = types.PromptReference(type="ref/prompt", name="test_prompt_with_arguments")
        result = await client.complete(ref, {"name": "arg1", "value": "pa"})
        return result.completion.values

    async def progress():
        seen = []

        async def note(progress, total, message):
            seen.append(progress)

        await client.call_tool("witness_progress", {}, progress_callback=note)
        return seen

    async def logs():
        meta = {types.LOG_LEVEL_META_KEY: "info"} if is_modern else None
        if not is_modern:
            await client.set_logging_level("info")
        await client.call_tool("test_tool_with_logging", {}, meta=meta)
        await until(lambda: len(logged) >= 3)
        return logged

    async def trigger():
        for what in ["tool_change", "prompt_change", "resource_update"]:
            await client.call_tool(f"test_trigger_{what}", {})
        await until(lambda: len(changed) >= 3)
        return sorted(changed)

    async def changes():
        if not is_modern:
            await client.subscribe_resource(watched)
            return await trigger()
        async with client.listen(
            tools_list_changed=True,
            prompts_list_changed=True,
            resource_subscriptions=[watched],
        ):
            return await trigger()

    async def cancellation():
        call = asyncio.create_task(client.call_tool("witness_cancellation", {"file": file}))
        await until(lambda: len(lines()) > 0)
        call.cancel()
        await until(lambda: len(lines()) > 1)
        return lines()

    async def prompts():
        return "test_simple_prompt" in [item.name for item in (await client.list_prompts()).prompts]

    async def tools():
        return "test_simple_text" in [item.name for item in (await client.list_tools()).tools]

    async def resources():
        listed = (await client.list_resources()).resources
        return "test://static-text" in [str(item.uri) for item in listed]

    async def templates():
        listed = (await client.list_resource_templates()).resource_templates
        return [item.uri_template for item in listed]

    async def questions():
        return list(asked)

    parts = {
        "tools": tools,
        "prompts": prompts,
        "resources": resources,
        "templates": templates,
        "call": lambda: text_of(client, "test_simple_text"),
        "failure": lambda: text_of(client, "test_error_handling"),
        "read": lambda: contents_of(client, "test://static-text"),
        "readByTemplate": lambda: contents_of(client, "test://template/7/data"),
        "prompt": lambda: prompt_of(client, "test_prompt_with_arguments", arg1="one", arg2="two"),
        "completion": complete,
        "progress": progress,
        # Before it wants logs: for a while, the log lines of a call that was given up reach no client.
        "cancellation": cancellation,
        "logs": logs,
        "sampling": lambda: text_of(client, "test_sampling", prompt="Hello"),
        "elicitation": lambda: text_of(client, "test_elicitation", message="Hello"),
        "roots": lambda: text_of(client, "test_input_required_result_list_roots"),
        "askingPrompt": lambda: prompt_of(client, "test_input_required_result_prompt"),
        "asked": questions,
        "changed": changes,
    }
    made = {}
    for name, part in parts.items():
        try:
            made[name] = await part()
        except Exception as fault:
            made[name] = f"failed: {fault!r}"
    return made


async def main():
    async with Client(
        url,
        mode=mode,
        read_timeout_seconds=30,
        sampling_callback=answer_sampling,
        elicitation_callback=answer_elicitation,
        list_roots_callback=answer_roots,
        logging_callback=note_log,
        message_handler=note_message,
    ) as client:
        made = await visit(client)
        print(json.dumps({"revision": client.protocol_version, "made": made}))


asyncio.run(main())
