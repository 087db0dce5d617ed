import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.simulator import directives
from proxy.simulator.directives import KNOWN, NOTHING, BadDirective, Directives, ToolCall, parse

WORDS = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1, max_size=12)


def test_text_without_a_directive_is_left_alone() -> None:
    assert parse("tokens=3 are not asked for #simulate here") == (
        NOTHING,
        "tokens=3 are not asked for #simulate here",
    )
    assert parse("#simulated tokens=3\n#simulate-not") == (NOTHING, "#simulated tokens=3\n#simulate-not")


def test_bare_words_and_json_are_told_apart() -> None:
    asked, text = parse('Hi\n#simulate tokens=7 tool=Bash input={"command": "ls -l"} message="two words" echo\nBye')
    assert asked == Directives(tokens=7, tool="Bash", input={"command": "ls -l"}, message="two words", echo=True)
    assert text == "Hi\nBye"


def test_several_lines_add_up_and_the_last_value_of_a_name_wins() -> None:
    assert parse("#simulate tokens=1 delay_ms=5\r\n  #simulate tokens=2\r\n")[0] == Directives(tokens=2, delay_ms=5)


def test_a_flag_can_be_turned_off() -> None:
    assert parse("#simulate echo\n#simulate echo=false")[0] == NOTHING


def test_steps_of_a_script_take_over_what_stands_beside_it() -> None:
    asked, _ = parse('#simulate delay_ms=5 script=[{"tool": "A"}, {"text": "b c", "delay_ms": 1}]')
    assert asked.step(0) == Directives(delay_ms=5, tool="A")
    assert asked.step(1) == Directives(delay_ms=1, text="b c")
    assert asked.step(2) == NOTHING


def test_a_tool_and_a_list_of_tools_are_called_together() -> None:
    asked, _ = parse('#simulate tool=A tools=[{"name": "B", "input": {"x": 1}}, {"name": "C"}]')
    assert asked.tool_calls == (ToolCall("A"), ToolCall("B", {"x": 1}), ToolCall("C"))


def test_an_unknown_directive_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadDirective) as refused:
        parse("#simulate speed=fast")
    assert refused.value.status == 400
    assert "'speed'" in refused.value.message and all(name in refused.value.message for name in KNOWN)


@pytest.mark.parametrize(
    "line",
    [
        "tokens=-1",
        "tokens=1.5",
        "tokens=many",
        "tokens=nan",
        "tokens",
        "delay_ms=1e99",
        "error=200",
        "error=600",
        "echo=perhaps",
        "text=7 8",
        'text={"a":1}',
        "input=[1]",
        "input={broken",
        'input={"a":NaN}',
        'input={"a":123456789012345678901234567890}',
        'text="\\ud800"',
        'input={"a":1}tool=A',
        "tools=[1]",
        'tools=[{"name":"A","inputs":{}}]',
        "cache=sometimes",
        "stop_reason=bored",
        "script=[]",
        'script=[{"script":[]}]',
        'script=[{"tokenz":1}]',
        "=3",
        "tokens=3,echo",
    ],
)
def test_what_cannot_be_followed_is_refused(line: str) -> None:
    with pytest.raises(BadDirective):
        parse(f"#simulate {line}")


def test_deeply_nested_json_is_refused() -> None:
    with pytest.raises(BadDirective):
        parse('#simulate input={"a":' + "[" * 100_000)


@given(st.text())
def test_any_line_is_followed_or_refused(line: str) -> None:
    try:
        asked, text = parse(f"before\n#simulate {line}")
    except BadDirective:
        return
    assert isinstance(asked, Directives) and text.startswith("before\n")


@given(
    tokens=st.integers(0, 200_000),
    delay=st.floats(0, 1000),
    message=st.text(),
    word=WORDS.filter(lambda word: word[0] not in '{["'),
    tool_input=st.dictionaries(st.text(), st.integers(-(2**53), 2**53) | st.text() | st.none() | st.booleans()),
    gap=st.text(" \t", min_size=1, max_size=3),
)
def test_what_is_written_is_what_is_read(tokens, delay, message, word, tool_input, gap) -> None:
    pairs = {"tokens": tokens, "delay_ms": delay, "message": message, "input": tool_input}
    parts = [f"{name}={orjson.dumps(value).decode()}" for name, value in pairs.items()]
    line = gap.join([directives.MARK, *parts, f"error_type={word}", "cite"])
    assert parse(f"a\n{line}\nb") == (
        Directives(**pairs, error_type=word, cite=True),
        "a\nb",
    )
