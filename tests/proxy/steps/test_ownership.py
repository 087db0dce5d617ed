"""Ids of things that live in the upstream's organisation are refused, wherever they stand."""

from typing import Any

import pytest

from proxy.steps import ownership
from tests.proxy import build


def call(**extra: Any) -> Any:
    return build.call({**build.HELLO, **extra})


def content(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(blocks)}]}


@pytest.mark.parametrize("thread", [{"type": "create"}, {"type": "continue", "previous_message_id": "msg_1"}])
def test_a_thread_is_refused_with_the_error_on_which_sdks_send_everything_again(thread: dict[str, str]) -> None:
    with pytest.raises(ownership.NotOwned) as refused:
        ownership.check(call(thread=thread))
    assert refused.value.status == 400
    assert refused.value.details == {"error_code": "thread_unsupported_request", "unsupported": []}


FILE = {"type": "document", "source": {"type": "file", "file_id": "file_1"}}


@pytest.mark.parametrize(
    "body",
    [
        {"container": "container_1"},
        {"container": {"id": "container_1", "skills": []}},
        content(FILE),
        content({"type": "tool_result", "tool_use_id": "t", "content": [FILE]}),
        content({"type": "container_upload", "file_id": "file_1"}),
        {"system": [FILE]},
    ],
)
def test_a_container_or_a_file_by_its_id_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(ownership.NotOwned):
        ownership.check(call(**body))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"thread": None, "container": None},
        {"container": {"skills": [{"type": "anthropic", "skill_id": "xlsx"}]}},
        content({"type": "text", "text": 'what is a "file_id"?'}),
        content({"type": "tool_use", "id": "t", "name": "upload", "input": {"type": "file", "file_id": "mine"}}),
    ],
)
def test_everything_else_passes(body: dict[str, Any]) -> None:
    ownership.check(call(**body))
