"""What a client makes up is not kept in memory."""

from proxy.upstreams import anthropic, transport


def test_a_long_query_is_forwarded_and_not_kept() -> None:
    kept = anthropic._kept_url.cache_info().currsize, transport._kept_place.cache_info().currsize
    for number in range(10):
        query = f"{number}" + "x" * 10_000
        url = anthropic.url_of("https://upstream.test/v1", "/v1/messages", query)
        assert str(url) == f"https://upstream.test/v1/messages?{query}"
        assert transport._place(str(url))[1] == url.raw_path
    assert (anthropic._kept_url.cache_info().currsize, transport._kept_place.cache_info().currsize) == kept


def test_what_clients_send_is_kept() -> None:
    anthropic.url_of("https://kept.test", "/v1/messages", "beta=true")
    hits = anthropic._kept_url.cache_info().hits
    anthropic.url_of("https://kept.test", "/v1/messages", "beta=true")
    assert anthropic._kept_url.cache_info().hits == hits + 1
