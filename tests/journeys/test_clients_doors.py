"""The SDKs through the other ways in: /v1 in Django's own handler, and Daphne as the server."""

from collections.abc import Callable, Iterator

import pytest

from tests.journeys import test_clients_sdk as direct
from tests.journeys.clients.driver import Driver
from tests.journeys.server import Server, serving

SDKS = ["python-0.125.0", "python-2.13.0", "typescript-1.13.0"]
DOORS = ["django", "daphne"]

pytestmark = [pytest.mark.clients, pytest.mark.slow, pytest.mark.xdist_group("clients-doors")]


@pytest.fixture(scope="module", params=DOORS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Takes the place of the fast door's server in every test below."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "django":
        starting = serving(folder, LLMP_FAST_PATH="false")
    else:
        program, application = ("-m", "daphne"), "proxy.asgi:application"
        starting = serving(folder, "--bind", "127.0.0.1", application, program=program)
    with starting as running:
        yield running


@pytest.fixture(params=SDKS)
def sdk(request: pytest.FixtureRequest, drivers: Callable[[str], Driver]) -> Driver:
    return drivers(request.param)


client = direct.client
test_a_question_is_answered = direct.test_a_question_is_answered_with_its_usage_and_request_id
test_a_stream_adds_up = direct.test_a_stream_adds_up_to_the_same_message_with_the_same_usage
test_events_come_in_order = direct.test_a_streams_events_come_in_anthropics_order
test_many_calls_at_once = direct.test_many_calls_at_once_are_all_answered
test_models_are_listed = direct.test_models_are_listed_page_by_page_and_read_one_by_one
test_tools_and_signed_thinking = direct.test_tools_and_signed_thinking_make_the_round_trip_byte_for_byte
test_an_auth_token_works = direct.test_an_auth_token_works_on_every_path
test_a_wrong_key = direct.test_a_wrong_key_is_an_authentication_error_and_asked_once
test_an_unknown_model = direct.test_an_unknown_model_is_not_found
test_a_bad_request = direct.test_a_bad_request_names_the_field
test_batches_and_files = direct.test_what_the_upstreams_organisation_holds_is_not_found
test_errors_of_the_upstream = direct.test_what_the_upstream_cannot_do_now_is_repeated_when_it_says
test_an_error_in_a_stream = direct.test_an_error_in_a_stream_is_raised_and_not_repeated
test_a_broken_stream = direct.test_a_stream_that_breaks_off_is_raised_and_not_taken_for_an_answer
test_a_dry_run = direct.test_a_dry_run_says_what_would_be_sent
