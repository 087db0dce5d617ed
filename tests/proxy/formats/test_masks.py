"""Credentials are hidden in what is kept, and ordinary text is not."""

import pytest

from proxy.formats.masks import mask


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("key llmp_abcdEFGH0123456789abcdef0123456789ab used", "key llmp_abcd… used"),
        ("sk-ant-api03-AbCdEfGhIjKl", "sk-ant-api0…"),
        ("Authorization: Bearer abcdefghijklmnop", "Authorization: Bearer abcd…"),
        ("claude-cli/2.1.330 (external, cli)", "claude-cli/2.1.330 (external, cli)"),
        ("the bearer of bad news", "the bearer of bad news"),
        ("llmp_short", "llmp_short"),
    ],
)
def test_credentials_are_cut_after_their_first_characters(text: str, kept: str) -> None:
    assert mask(text) == kept
