"""What is taken from a document to be run, and what is put in place of its placeholders."""

import pytest

from tests.docs.blocks import blocks

DOCUMENT = """\
# Title

```sh
curl http://127.0.0.1:8000/healthz -H "x-api-key: llmp_YOUR_KEY"
```

```json
{"not": "run"}
```

1. A list:

   ```console
   $ echo one \\
       two
   one two
   $ echo three
   ```

<!-- not run: it asks questions -->
```bash
claude
```

<!-- keeps running -->

```sh
make run
```

```python
print("127.0.0.1:8000", "llmp_…")
```
"""


def test_commands_are_found_in_order_and_other_blocks_are_not() -> None:
    found = blocks("README.md", DOCUMENT)
    assert [str(block) for block in found] == [f"README.md:{line}" for line in (3, 13, 21, 27, 31)]
    assert [block.kind for block in found] == ["sh", "sh", "sh", "sh", "python"]


def test_of_a_terminal_only_what_was_typed_is_run() -> None:
    assert blocks("README.md", DOCUMENT)[1].text == "echo one \\\n    two\necho three\n"


def test_comments_before_a_block_tell_what_is_special() -> None:
    found = blocks("README.md", DOCUMENT)
    assert [block.not_run for block in found] == ["", "", "it asks questions", "", ""]
    assert [block.keeps_running for block in found] == [False, False, False, True, False]


def test_the_address_and_the_key_become_the_real_ones() -> None:
    found = blocks("README.md", DOCUMENT)
    assert found[0].at("http://127.0.0.1:4711", "llmp_real") == (
        'curl http://127.0.0.1:4711/healthz -H "x-api-key: llmp_real"\n'
    )
    assert found[-1].at("http://127.0.0.1:4711", "llmp_real") == 'print("127.0.0.1:4711", "llmp_real")\n'


def test_leaving_a_block_out_needs_a_reason() -> None:
    with pytest.raises(ValueError, match="needs a reason"):
        blocks("README.md", "<!-- not run -->\n```sh\nls\n```\n")
