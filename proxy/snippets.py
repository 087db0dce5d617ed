"""Ready-to-paste ways to ask this server, the same in the terminal and on the landing page."""

from dataclasses import dataclass

KEY_PLACEHOLDER = "llmp_YOUR_KEY"
MODEL = "claude-sonnet-5-5"


@dataclass(frozen=True, slots=True)
class Snippet:
    """One client and what to paste for it."""

    title: str
    text: str


def snippets(*, address: str, key: str = KEY_PLACEHOLDER) -> list[Snippet]:
    """Snippets for this address and key."""
    return [
        Snippet("curl", _curl(address, key)),
        Snippet("Python", _python(address, key)),
        Snippet("TypeScript", _typescript(address, key)),
        Snippet("Claude Code", f"ANTHROPIC_BASE_URL={address} ANTHROPIC_AUTH_TOKEN={key} claude"),
    ]


def _curl(address: str, key: str) -> str:
    body = f'{{"model": "{MODEL}", "max_tokens": 100, "messages": [{{"role": "user", "content": "Hello"}}]}}'
    return f"""\
curl {address}/v1/messages \\
  -H "x-api-key: {key}" \\
  -H "anthropic-version: 2023-06-01" \\
  -H "content-type: application/json" \\
  -d '{body}'"""


def _python(address: str, key: str) -> str:
    return f"""\
from anthropic import Anthropic  # pip install anthropic

client = Anthropic(base_url="{address}", api_key="{key}")
message = client.messages.create(
    model="{MODEL}", max_tokens=100, messages=[{{"role": "user", "content": "Hello"}}]
)
print(message.content[0].text)"""


def _typescript(address: str, key: str) -> str:
    return f"""\
import Anthropic from "@anthropic-ai/sdk"; // npm install @anthropic-ai/sdk

const client = new Anthropic({{ baseURL: "{address}", apiKey: "{key}" }});
const message = await client.messages.create({{
  model: "{MODEL}", max_tokens: 100, messages: [{{ role: "user", content: "Hello" }}],
}});
console.log(message.content);"""
