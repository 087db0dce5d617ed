"""The language of a text, by the model of py3langid: 97 languages and code, from a package.

A text is decided by its prose alone: lines of code, tables and addresses have no language. What has too little of it
is undecided, and scores 0.
"""

import asyncio
import math
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from proxy.call import TenantRules
from proxy.rules.rule import Asked

LEAST_LETTERS = 40
_DENSE = re.compile(
    r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
)  # a character of these says as much as three
_MOST_CHARS = 4000
_LEAST_WORDS = 3
_LEAST_PROSE = 0.85
_NONE = "zxx"  # no language: code and numbers


class Languages:
    """Loads its model in its thread, when it is first asked."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="language")

    async def open(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, _model)

    async def scores(self, texts: Sequence[str], asked: Asked, _tenant: TenantRules) -> Sequence[float]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, lambda: [score(text, asked) for text in texts])


def score(text: str, asked: Asked) -> float:
    """How sure it is that the text is in a language that is forbidden, or in none that is allowed."""
    likely = likelihoods(text)
    if not likely:
        return 0.0
    if asked.forbidden:
        return sum(likely.get(one, 0.0) for one in asked.forbidden)
    return max(1.0 - sum(likely.get(one, 0.0) for one in (*asked.allowed, _NONE)), 0.0)


def likelihoods(text: str) -> Mapping[str, float]:
    """Languages and how likely each is; nothing for a text that is too short to be decided."""
    prose = _prose(text)
    letters = sum(map(str.isalpha, prose)) + 2 * len(_DENSE.findall(prose))
    if letters < LEAST_LETTERS:
        return {}
    ranked = _model().rank(prose)
    return {language: float(likely) for language, likely in ranked if not math.isnan(likely) and likely > 0.001}


def _prose(text: str) -> str:
    lines = [line.strip() for line in text[:_MOST_CHARS].splitlines()]
    return "\n".join(line for line in lines if _is_prose(line))


def _is_prose(line: str) -> bool:
    plain = sum(one.isalpha() or one.isspace() or one in ".,!?'’" for one in line)
    if line[-1:] in ":;{}()=[]":
        return False
    is_worded = len(line.split()) >= _LEAST_WORDS or len(_DENSE.findall(line)) > _LEAST_WORDS
    return is_worded and plain >= _LEAST_PROSE * len(line)


@cache
def _model() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
