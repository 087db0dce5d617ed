"""Secrets in a text, by the recognisers that privacy has for them: the score of the surest finding."""

import secrets
from collections.abc import Sequence

from proxy.call import TenantRules
from proxy.privacy.detection.detector import DetectionTimedOut, DetectionUnavailable, Detector, Found
from proxy.privacy.rules import Mode, Rules
from proxy.rules.rule import Asked
from proxy.rules.weighing import NotWeighed
from tenants import entities

_RULES = Rules(modes=dict.fromkeys(entities.SECRETS, Mode.MONITOR), min_score=0.3)


class Secrets:
    """Asks the workers that find personal data."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._key = secrets.token_bytes(32)

    async def open(self) -> None:
        await self._find(["ready"])

    async def scores(self, texts: Sequence[str], _asked: Asked, _tenant: TenantRules) -> Sequence[float]:
        return [max((one.score for one in findings), default=0.0) for findings in await self._find(texts)]

    async def _find(self, texts: Sequence[str]) -> Sequence[Found]:
        try:
            return await self._detector.find(texts, _RULES, self._key)
        except (DetectionTimedOut, DetectionUnavailable) as failed:
            raise NotWeighed(str(failed)) from failed
