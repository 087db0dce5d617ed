import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.formats.usage import Usage, summed
from tests.proxy.formats import strategies

START = {
    "input_tokens": 12,
    "cache_creation_input_tokens": 300,
    "cache_read_input_tokens": 4000,
    "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
    "output_tokens": 1,
    "service_tier": "standard",
}
STARTED = Usage(12, 1, 100, 200, 4000, None)


def test_a_whole_usage_object_is_read():
    assert Usage().merge(START) == STARTED
    assert Usage().merge({"output_tokens": 9, "output_tokens_details": {"thinking_tokens": 5}}) == Usage(
        0, 9, 0, 0, 0, 5
    )


def test_the_end_of_a_stream_overwrites_the_counts_it_tells_and_no_other():
    assert STARTED.merge({"output_tokens": 50}) == Usage(12, 50, 100, 200, 4000)
    assert STARTED.merge({"output_tokens": 50, "input_tokens": 15, "cache_read_input_tokens": 0}) == Usage(
        15, 50, 100, 200, 0
    )


def test_thinking_that_was_told_once_stays_told():
    assert Usage(thinking_tokens=7).merge({"output_tokens": 9}).thinking_tokens == 7
    assert Usage().merge({"output_tokens_details": None}).thinking_tokens is None
    assert Usage().merge({"output_tokens_details": {"thinking_tokens": 0}}).thinking_tokens == 0


@pytest.mark.parametrize(
    ("usage", "write_5m", "write_1h"),
    [
        ({"cache_creation_input_tokens": 300}, 300, 0),
        ({"cache_creation_input_tokens": 300, "cache_creation": None}, 300, 0),
        ({"cache_creation_input_tokens": 300, "cache_creation": {}}, 300, 0),
        ({"cache_creation_input_tokens": 300, "cache_creation": {"ephemeral_1h_input_tokens": 200}}, 100, 200),
        ({"cache_creation_input_tokens": None, "cache_creation": {"ephemeral_5m_input_tokens": 5}}, 5, 0),
        ({"cache_creation": {"ephemeral_5m_input_tokens": 5, "ephemeral_1h_input_tokens": 6}}, 5, 6),
    ],
)
def test_cache_writes_without_a_stated_life_live_five_minutes(usage, write_5m, write_1h):
    merged = Usage().merge(usage)
    assert (merged.cache_write_5m_tokens, merged.cache_write_1h_tokens) == (write_5m, write_1h)


@pytest.mark.parametrize(
    ("total", "write_5m", "write_1h"), [(300, 100, 200), (350, 150, 200), (250, 50, 200), (90, 0, 90), (0, 0, 0)]
)
def test_a_sum_at_the_end_of_a_stream_keeps_what_was_told_to_live_an_hour(total, write_5m, write_1h):
    merged = STARTED.merge({"cache_creation_input_tokens": total})
    assert (merged.cache_write_5m_tokens, merged.cache_write_1h_tokens) == (write_5m, write_1h)


@pytest.mark.parametrize("count", [None, -1, True, 1.5, "12", [], {}, 10**30])
def test_what_is_no_count_leaves_the_old_one(count):
    usage = dict.fromkeys(START, count) | {"output_tokens_details": {"thinking_tokens": count}}
    assert STARTED.merge(usage) == STARTED
    assert STARTED.merge({"cache_creation": {"ephemeral_5m_input_tokens": count}}) == STARTED


@pytest.mark.parametrize("usage", [None, [], "usage", 5])
def test_what_is_no_usage_object_changes_nothing(usage):
    assert STARTED.merge(usage) is STARTED


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(list(START)), inner, max_size=4),
    max_leaves=8,
)


@strategies.unhurried
@given(st.dictionaries(st.sampled_from([*START, "output_tokens_details"]), _json))
def test_no_garbage_makes_a_count_that_is_none(usage):
    merged = STARTED.merge(usage)
    counts = [getattr(merged, name) for name in Usage.__dataclass_fields__ if name != "thinking_tokens"]
    assert all(type(count) is int and count >= 0 for count in counts)


def test_the_output_can_be_stated_by_another_count():
    assert STARTED.with_output(99) == Usage(12, 99, 100, 200, 4000)


def test_usage_objects_add_up_wherever_counts_stand():
    first = {"input_tokens": 1, "cache_creation": {"ephemeral_5m_input_tokens": 2}, "service_tier": "standard", "x": 3}
    second = {"input_tokens": 10, "cache_creation": {"ephemeral_5m_input_tokens": 20, "y": 1}, "x": None, "z": True}
    assert summed(first, second) == {
        "input_tokens": 11,
        "cache_creation": {"ephemeral_5m_input_tokens": 22, "y": 1},
        "service_tier": "standard",
        "x": 3,
        "z": True,
    }
    assert summed({}, second) == second
