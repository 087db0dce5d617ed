"""Scripts for Redis that are sent together: those that come while others are under way go in the next round trip."""

import asyncio
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError

_MOST_TOGETHER = 64


class Script:
    """A Lua script, by its text and by the name that Redis gives it."""

    def __init__(self, redis: "Redis", text: str) -> None:
        self.text = text
        self.sha: str = redis.register_script(text).sha


_Asked = tuple[Script, Sequence[str], Sequence[Any], "asyncio.Future[Any]"]


class Pipe:
    """Runs scripts in the order they come, one round trip at a time: alone a call waits for none but its own."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis
        self._waiting: list[_Asked] = []
        self._working: asyncio.Task[None] | None = None

    async def run(self, script: Script, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """What the script returns. Raises RedisError, OSError."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((script, keys, arguments, answer))
        if self._working is None or self._working.done():
            self._working = asyncio.ensure_future(self._work())
        return await answer

    async def _work(self) -> None:
        while self._waiting:
            together, self._waiting = self._waiting[:_MOST_TOGETHER], self._waiting[_MOST_TOGETHER:]
            try:
                answers = await self._send(together)
            except (RedisError, OSError) as error:
                answers = [error] * len(together)
            except BaseException:
                for *_asked, answer in together:
                    answer.cancel()
                raise
            for (*_asked, answer), value in zip(together, answers, strict=True):
                if answer.done():
                    continue
                if isinstance(value, Exception):
                    answer.set_exception(value)
                else:
                    answer.set_result(value)

    async def _send(self, together: Sequence[_Asked]) -> list[Any]:
        pipe = self._redis.pipeline(transaction=False)
        for script, keys, arguments, _answer in together:
            pipe.evalsha(script.sha, len(keys), *keys, *arguments)
        answers: list[Any] = await pipe.execute(raise_on_error=False)
        for place, value in enumerate(answers):
            if isinstance(value, NoScriptError):  # Redis was begun anew: told the text, it knows the name again
                script, keys, arguments, _answer = together[place]
                answers[place] = await self._redis.eval(script.text, len(keys), *keys, *arguments)
        return answers
