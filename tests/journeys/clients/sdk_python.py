"""The Python SDK on request: run by an interpreter that has `anthropic` and nothing of this project."""

import asyncio
import json
import os
import sys
from typing import Any

import anthropic


def create(client: anthropic.Anthropic, params: dict[str, Any], headers: dict[str, str]) -> Any:
    message = client.messages.create(**params, extra_headers=headers)
    return {"message": _plain(message), "request_id": message._request_id}


def stream(client: anthropic.Anthropic, params: dict[str, Any], headers: dict[str, str]) -> Any:
    with client.messages.stream(**params, extra_headers=headers) as stream:
        text = "".join(stream.text_stream)
        return {"message": _plain(stream.get_final_message()), "text": text, "request_id": stream.request_id}


def events(client: anthropic.Anthropic, params: dict[str, Any]) -> Any:
    return [event.type for event in client.messages.create(**params, stream=True)]


def raw(client: anthropic.Anthropic, params: dict[str, Any], headers: dict[str, str]) -> Any:
    response = client.messages.with_raw_response.create(**params, extra_headers=headers)
    return {"headers": dict(response.headers), "body": json.loads(response.http_response.content)}


def count(client: anthropic.Anthropic, params: dict[str, Any]) -> Any:
    of_beta = client.beta.messages.count_tokens(**params)
    return [client.messages.count_tokens(**params).input_tokens, of_beta.input_tokens]


def models(client: anthropic.Anthropic, limit: int) -> Any:
    return [model.id for model in client.models.list(limit=limit)]


def model(client: anthropic.Anthropic, id: str) -> Any:
    return _plain(client.models.retrieve(id))


def converse(client: anthropic.Anthropic, params: dict[str, Any], is_streaming: bool, then: str) -> Any:
    """Answer every tool call, then say one thing more; every block goes back as the SDK holds it."""
    messages = list(params.pop("messages"))
    heard = []
    while True:
        message = _whole(client, {**params, "messages": messages}, is_streaming)
        heard.append(_plain(message))
        messages.append({"role": "assistant", "content": message.content})
        results = [
            {"type": "tool_result", "tool_use_id": block.id, "content": f"{block.name} says {json.dumps(block.input)}"}
            for block in message.content
            if block.type == "tool_use"
        ]
        if not results and not then:
            return heard
        messages.append({"role": "user", "content": results or then})
        if not results:
            then = ""


def run_tools(client: anthropic.Anthropic, params: dict[str, Any]) -> Any:
    @anthropic.beta_tool
    def add(a: int, b: int) -> str:
        """Add two numbers."""
        return str(a + b)

    runner = client.beta.messages.tool_runner(**params, tools=[add])
    return [_plain(message) for message in runner]


def many(client: anthropic.Anthropic, params: dict[str, Any], times: int) -> Any:
    """The same question many times at once, with the asynchronous client."""

    async def ask() -> list[str]:
        async with anthropic.AsyncAnthropic(base_url=client.base_url, api_key=client.api_key) as several:
            heard = await asyncio.gather(*(several.messages.create(**params) for _ in range(times)))
        return [message.id for message in heard]

    return asyncio.run(ask())


def batches(client: anthropic.Anthropic) -> Any:
    return _plain(client.messages.batches.list())


def files(client: anthropic.Anthropic) -> Any:
    return _plain(client.beta.files.list())


VERBS = {
    function.__name__: function
    for function in (create, stream, events, raw, count, models, model, converse, run_tools, many, batches, files)
}


def _whole(client: anthropic.Anthropic, params: dict[str, Any], is_streaming: bool) -> Any:
    if not is_streaming:
        return client.messages.create(**params)
    with client.messages.stream(**params) as stream:
        return stream.get_final_message()


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json", exclude_unset=True)


def _client(options: dict[str, Any]) -> anthropic.Anthropic:
    env = options.pop("env", {})
    os.environ.update(env)
    try:
        return anthropic.Anthropic(**options)
    finally:
        for name in env:
            del os.environ[name]


def _raised(error: Exception) -> dict[str, Any]:
    return {
        "classes": [kind.__name__ for kind in type(error).__mro__],
        "message": str(error),
        "status": getattr(error, "status_code", None),
        "body": getattr(error, "body", None),
        "request_id": getattr(error, "request_id", None),
    }


def main() -> None:
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            with _client(asked.pop("client")) as client:
                answer = {"gives": VERBS[asked.pop("verb")](client, **asked)}
        except Exception as error:  # noqa: BLE001 - whatever the SDK raises is the answer
            answer = {"raised": _raised(error)}
        print(json.dumps(answer), flush=True)


main()
