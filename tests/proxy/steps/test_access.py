"""A key may ask for the models of its allow-list, by the names clients use."""

import pytest

from proxy.steps import access
from tests.proxy import build


@pytest.mark.parametrize("models", [["*"], ["claude-sonnet-*"], ["claude-haiku-*", "claude-sonnet-5-5"]])
def test_a_model_of_the_allow_list_passes(models: list[str]) -> None:
    access.check(build.call(by=build.caller(models=models)))


@pytest.mark.parametrize("models", [[], ["claude-haiku-*"], ["sonnet"], ["CLAUDE-SONNET-*"]])
def test_another_model_is_refused_with_the_list(models: list[str]) -> None:
    with pytest.raises(access.ModelNotAllowed) as refused:
        access.check(build.call(by=build.caller(models=models)))
    assert refused.value.status == 403
    assert (", ".join(models) or "none") in refused.value.message
