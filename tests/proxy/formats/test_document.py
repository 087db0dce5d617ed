import json
import re
import time
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.formats.document import Document, Malformed
from proxy.formats.splice import Key
from tests.proxy.formats import strategies


def nested(depth: int) -> bytes:
    """An object with so many levels, itself counted."""
    return b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"  ",
        b"{",
        b'{"a":1}x',
        b'{"a":1}\x00',
        b'{"a":1} {"b":2}',
        b'\xef\xbb\xbf{"a":1}',
        b'\xc2\xa0{"a":1}',
        b'{"a":"\xff"}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\xc0\xaf"}',
        b'{"a":"\\ud800"}',
        b'{"\\udc00":1}',
        b'{"a":"\\ud800\\ud800"}',
        b'{"a":"\x00"}',
        b'{"a":"\n"}',
        b'{"a":"\\x41"}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":1e400}',
        b'{"a":-1e400}',
        b'{"a":01}',
        b'{"a":+1}',
        b'{"a":.5}',
        b'{"a":1.}',
        b'{"a":' + b"9" * 5000 + b"}",
        b"{'a':1}",
        b"{a:1}",
        b'{"a":1,}',
        b'{"a":[1,]}',
        b'{"a":1 /* one */}',
        '{"a":1}'.encode("utf-16"),
    ],
)
def test_what_is_no_json_is_refused(raw):
    with pytest.raises(Malformed, match="^malformed JSON: "):
        Document.parse(raw)


@pytest.mark.parametrize("raw", [b"[]", b"1", b'"text"', b"null", b'[{"a":1}]'])
def test_only_an_object_is_a_document(raw):
    with pytest.raises(Malformed, match="must be an object"):
        Document.parse(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"model":"cheap","model":"dear"}',
        b'{"model":"cheap", "a":1, "model":"cheap"}',
        b'{"model":"cheap","mod\\u0065l":"dear"}',
        b'{"a":[{"b":{"model":1,"model":2}}]}',
        b'{"model":null,"model":null}',
        b'{"":1,"":1}',
    ],
)
def test_a_key_that_occurs_twice_is_refused_and_named(raw):
    with pytest.raises(Malformed, match="the key '(model)?' occurs twice"):
        Document.parse(raw)


def test_the_same_key_in_different_objects_is_no_repetition():
    raw = b'{"a":{"a":[{"a":1},{"a":1}]},"A":{"a":1}}'
    assert Document.parse(raw).value == json.loads(raw)


def test_depth_is_counted_in_levels_of_objects_and_lists():
    assert Document.parse(nested(64)).raw == nested(64)
    with pytest.raises(Malformed, match="deeper than 64 levels"):
        Document.parse(nested(65))
    assert Document.parse(nested(512), max_depth=512).raw == nested(512)
    with pytest.raises(Malformed, match="deeper than 512 levels"):
        Document.parse(nested(513), max_depth=512)


def test_many_containers_side_by_side_are_not_deep():
    raw = b'{"a":[' + b",".join([b'{"b":[]}'] * 1000) + b"]}"
    assert len(Document.parse(raw).get("a")) == 1000


@pytest.mark.parametrize("raw", [nested(100_000), b'{"a":' * 100_000, b'{"a":' + b"[" * 100_000])
def test_a_bomb_of_brackets_is_refused_at_once(raw):
    started = time.process_time()
    with pytest.raises(Malformed):
        Document.parse(raw)
    assert time.process_time() - started < 0.05


def test_numbers_keep_their_value_and_their_spelling():
    raw = b'{"a":123456789012345678901234567890,"b":1.0,"c":1E2,"d":-0,"e":9007199254740993}'
    document = Document.parse(raw)
    assert document.value["a"] == 123456789012345678901234567890
    assert document.value["e"] == 9007199254740993
    assert document.edit({}).raw == raw


def test_it_shows_no_content_when_printed():
    assert repr(Document.parse(b'{"a":"secret"}')) == "Document(14 bytes)"


def test_get_reads_the_top_level():
    document = Document.parse(b'{"model":"m","n":null}')
    assert document.get("model") == "m"
    assert document.get("n", 1) is None
    assert document.get("missing") is None
    assert document.get("missing", 7) == 7


@pytest.mark.parametrize(
    ("raw", "changes", "expected"),
    [
        (b'{"model":"a","n":1}', {("model",): "b"}, b'{"model":"b","n":1}'),
        (b'{ "n" : 1.0 , "model" :\t"a" }\n', {("model",): "b"}, b'{ "n" : 1.0 , "model" :\t"b" }\n'),
        (b'{"a":["x",["y"],{"b":"z"}]}', {("a", 1, 0): "1", ("a", 2, "b"): "2"}, b'{"a":["x",["1"],{"b":"2"}]}'),
        (b'{"a":[ "x" , [ "y" ] ], "b":1e2}', {("a", 0): "1", ("a", 1, 0): "2"}, b'{"a":[ "1" , [ "2" ] ], "b":1e2}'),
        (b'{"mod\\u0065l":"a"}', {("model",): "b"}, b'{"mod\\u0065l":"b"}'),
        (b'{"a":"\\u00e9","b":"x"}', {("b",): "\u00e9"}, '{"a":"\\u00e9","b":"é"}'.encode()),
        (b'{"a":"x"}', {("a",): 'q"\\\n\x00\u2028'}, '{"a":"q\\"\\\\\\n\\u0000\u2028"}'.encode()),
        (b'{"a":{},"b":[],"c": [ ],"d":"x"}', {("d",): "y"}, b'{"a":{},"b":[],"c": [ ],"d":"y"}'),
        (b'{"a":"]}","b": "x"}', {("a",): "", ("b",): "{["}, b'{"a":"","b": "{["}'),
        (b'{"max_tokens":128000,"x":1}', {("max_tokens",): 500}, b'{"max_tokens":500,"x":1}'),
        (b'{ "x": 1.0, "max_tokens" : 128000}', {("max_tokens",): 500}, b'{ "x": 1.0, "max_tokens" : 500}'),
        (b'{"t": {"n": 9 },"m":"a"}', {("t", "n"): 10, ("m",): "b"}, b'{"t": {"n": 10 },"m":"b"}'),
    ],
)
def test_an_edit_replaces_the_leaf_and_no_other_byte(raw, changes, expected):
    edited = Document.parse(raw).edit(changes)
    assert edited.raw == expected
    assert edited.value == json.loads(expected)


@pytest.mark.parametrize(
    ("raw", "changes", "expected"),
    [
        ('{"a":{"b":1}}', {("a", Key("b")): "c"}, '{"a":{"c":1}}'),
        ('{ "a" : { "\\u00e9" :"x" } }', {("a", Key("é")): '"', ("a", "é"): "y"}, '{ "a" : { "\\"" :"y" } }'),
        ('{"a":[{"b":{"b":[]}}]}', {("a", 0, Key("b")): "c", ("a", 0, "b", Key("b")): "d"}, '{"a":[{"c":{"d":[]}}]}'),
        ('{"a":1,"b":2,"c":3}', {(Key("a"),): "c", (Key("b"),): "c"}, '{"c_":1,"c__":2,"c":3}'),
    ],
)
def test_a_members_name_is_replaced_like_a_leaf_and_stays_unique(raw, changes, expected):
    for spelt in (raw, raw + " "):
        edited = Document.parse(spelt.encode()).edit(changes)
        assert edited.raw.decode().strip() == expected
        assert list(edited.value) == list(json.loads(expected)) and edited.value == json.loads(expected)
        assert Document.parse(edited.raw).value == edited.value


@pytest.mark.parametrize("raw", [b'{"a":["x"],"n":1}', b'{"a": ["x"], "n": 1}'])
@pytest.mark.parametrize("path", [(Key("b"),), ("a", Key("x")), ("n", Key("a"))])
def test_a_name_that_is_not_there_is_an_error(raw, path):
    with pytest.raises(KeyError):
        Document.parse(raw).edit({path: "y"})


def test_an_edit_leaves_the_document_it_was_made_from_alone():
    raw = b'{"a":{"b":["x","y"]},"c":"z"}'
    document = Document.parse(raw)
    document.edit({("a", "b", 0): "1"})
    assert document.raw == raw
    assert document.value == json.loads(raw)


def test_an_edit_that_changes_nothing_gives_the_same_document_however_its_text_is_spelled():
    document = Document.parse(b'{"a":"\\u0041", "b":"x"}')
    assert document.edit({}) is document
    assert document.edit({("a",): "A", ("b",): "x"}) is document
    assert document.edit({("a",): "A", ("b",): "y"}).raw == b'{"a":"\\u0041", "b":"y"}'


@pytest.mark.parametrize("raw", [b'{"a":["x"],"n":1,"o":{"p":null}}', b'{"a": ["x"], "n": 1, "o": {"p": null}}'])
@pytest.mark.parametrize(
    ("path", "error"),
    [
        (("b",), KeyError),
        (("a", 1), KeyError),
        (("a", -1), KeyError),
        (("a", "0"), KeyError),
        ((0,), KeyError),
        (("a", 0, 0), KeyError),
        (("n", "x"), KeyError),
        (("n",), TypeError),
        (("a",), TypeError),
        (("o", "p"), TypeError),
        ((), TypeError),
    ],
)
def test_a_path_that_leads_to_no_string_is_an_error(raw, path, error):
    with pytest.raises(error):
        Document.parse(raw).edit({path: "y"})


@pytest.mark.parametrize("raw", [b'{"n":1.0}', b'{"n": true}', b'{"n":"1"}', b'{"n":null}'])
def test_a_whole_number_replaces_nothing_else(raw):
    with pytest.raises(TypeError):
        Document.parse(raw).edit({("n",): 2})


@pytest.mark.parametrize("raw", [b'{"a":"x"}', b'{"a": "x"}'])
def test_text_that_is_no_unicode_is_an_error(raw):
    with pytest.raises(TypeError):
        Document.parse(raw).edit({("a",): "\ud800"})


def test_an_edited_document_can_be_edited_again():
    for raw in (b'{"a":"x","b":"y"}', b'{"a": "x", "b": "y"}'):
        edited = Document.parse(raw).edit({("a",): "a long text"}).edit({("b",): "é"})
        assert edited.raw == raw.replace(b"x", b"a long text").replace(b"y", "é".encode())
        assert Document.parse(edited.raw).value == edited.value


@strategies.unhurried
@given(strategies.documents)
def test_a_valid_document_says_what_the_standard_library_reads(text):
    document = Document.parse(text.encode())
    assert document.raw == text.encode()
    assert repr(document.value) == repr(json.loads(text))


@strategies.unhurried
@given(st.data(), strategies.documents, st.booleans())
def test_an_edit_of_any_leaves_changes_their_spelling_only(data, text, is_compact):
    raw = orjson.dumps(json.loads(text, parse_int=float)) if is_compact else text.encode()
    document = Document.parse(raw)
    leaves = strategies.string_leaves(document.value)
    paths = data.draw(st.lists(st.sampled_from(leaves), unique=True)) if leaves else []
    # Marks that occur nowhere else show which spans were replaced; with those cut out, nothing differs.
    marked = document.edit({path: f"\ue000{number}\ue001" for number, path in enumerate(paths)})
    pieces = _unmarked(marked.raw.decode(), len(paths))
    assert _are_parts_in_order(pieces, raw.decode())
    new = {path: data.draw(strategies.text) for path in paths}
    assert document.edit(new).value == _assigned(json.loads(raw), new) == json.loads(document.edit(new).raw)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'{"a":"x"}', b'{"a":[{"type":"text","text":"x"},{"b":1}]}'),
        (b'{ "a" : "\\u0041" }', b'{ "a" : [{"type":"text","text":"\\u0041"},{"b":1}] }'),
        (b'{"a":[]}', b'{"a":[{"b":1}]}'),
        (b'{"a":[ ]}', b'{"a":[ {"b":1}]}'),
        (b'{"a":[{}]}', b'{"a":[{},{"b":1}]}'),
        (b'{"a":[ 1.0 ]}', b'{"a":[ 1.0 ,{"b":1}]}'),
    ],
)
def test_blocks_are_put_behind_what_is_there(raw: bytes, expected: bytes) -> None:
    document = Document.parse(raw)
    longer = document.append({("a",): [{"b": 1}]})
    assert longer.raw == expected
    assert longer.value == json.loads(expected)
    assert document.append({("a",): []}) is document


@pytest.mark.parametrize("raw", [b'{"a":["x"],"n":1}', b'{"a": ["x"], "n": 1}'])
@pytest.mark.parametrize(("path", "error"), [(("n",), TypeError), (("b",), KeyError), (("a", 1), KeyError)])
def test_blocks_go_nowhere_else(raw: bytes, path: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        Document.parse(raw).append({path: [{}]})


@strategies.unhurried
@given(st.data(), strategies.documents, st.booleans())
def test_blocks_behind_any_content_leave_every_other_byte(data: st.DataObject, text: str, is_compact: bool) -> None:
    raw = orjson.dumps(json.loads(text, parse_int=float)) if is_compact else text.encode()
    document = Document.parse(raw)
    contents = strategies.string_leaves(document.value) + _lists(document.value)
    outer: list[Any] = []
    for path in data.draw(st.lists(st.sampled_from(contents), unique=True)) if contents else []:
        if not any(path[: len(one)] == one or one[: len(path)] == path for one in outer):
            outer.append(path)
    longer = document.append({path: [{"at": f"\ue000{number}\ue001"}] for number, path in enumerate(outer)})
    assert longer.value == json.loads(longer.raw) == Document.parse(longer.raw).value
    left = longer.raw.decode()
    for number, _path in enumerate(outer):
        added = f'{{"at":"\ue000{number}\ue001"}}'
        assert left.count(added) == 1
        left = re.sub(rf'\[{{"type":"text","text":("(?:[^"\\]|\\.)*")}},{re.escape(added)}\]', r"\1", left)
        left = left.replace("," + added, "").replace(added, "")
    assert left == raw.decode()


def _lists(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    here = [path] if isinstance(value, list) else []
    return here + [found for step, one in inner for found in _lists(one, (*path, step))]


def _unmarked(text: str, count: int) -> list[str]:
    pieces = []
    while (begin := text.find('"\ue000')) >= 0:
        end = text.index('\ue001"', begin) + 2
        pieces.append(text[:begin])
        text = text[end:]
    assert len(pieces) == count
    return [*pieces, text]


def _are_parts_in_order(pieces: list[str], text: str) -> bool:
    """Whether the text is the pieces with one JSON string between each and the next."""
    read = json.JSONDecoder().raw_decode
    at = 0
    for number, piece in enumerate(pieces):
        if number:
            value, at = read(text, at)
            if not isinstance(value, str):
                return False
        if not text.startswith(piece, at):
            return False
        at += len(piece)
    return at == len(text)


def _assigned(value, changes):
    for path, text in changes.items():
        inner = value
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = text
    return value


def _judge(raw):
    try:
        document = Document.parse(raw)
    except Malformed:
        return
    assert document.value == json.loads(raw)


@strategies.unhurried
@given(st.binary(max_size=200) | st.text(alphabet='{}[]":,\\u0dDn1eE+-. \n\ufeff', max_size=60).map(str.encode))
def test_garbage_raises_nothing_but_malformed(raw):
    _judge(raw)


@strategies.unhurried
@given(st.data(), strategies.documents)
def test_a_damaged_document_is_refused_or_read_as_the_standard_library_reads_it(data, text):
    raw = bytearray(text.encode())
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    _judge(bytes(raw))


@pytest.mark.parametrize("bomb", [b"[],", b"{},", b"0,", b'"",'])
def test_a_body_of_millions_of_tiny_values_is_refused_before_it_is_built(bomb: bytes) -> None:
    with pytest.raises(Malformed, match="more than 1000000 values"):
        Document.parse(b'{"x":[' + bomb * 1_100_000 + b"0]}")


def test_a_long_text_full_of_brackets_is_one_value() -> None:
    raw = b'{"x":"' + b'[{\\"a\\":[1,2]},' * 200_000 + b'"}'
    assert Document.parse(raw).raw is raw


@pytest.mark.parametrize(
    ("raw", "after"),
    [
        (b'{"a":1}', b'{"a":1,"tools":["x"]}'),
        (b'{ "a": 1.0 \n} \n', b'{ "a": 1.0,"tools":["x"]}'),
        (b"{ }", b'{"tools":["x"]}'),
        (b"{}", b'{"tools":["x"]}'),
    ],
)
def test_a_member_is_added_behind_every_other_byte(raw: bytes, after: bytes) -> None:
    document = Document.parse(raw).add("tools", ["x"])
    assert document.raw == after and document.value == json.loads(after)
    assert Document.parse(document.raw).edit({("tools", 0): "y"}).raw == document.edit({("tools", 0): "y"}).raw
    with pytest.raises(KeyError):
        document.add("tools", [])
