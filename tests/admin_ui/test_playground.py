"""The playground's page: open to members, and without any secret in it."""

import uuid

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client

from tenants import actions, sessions
from tenants.models import PlaygroundPass
from tests.proxy.ledger.calls import store

URL = "/t/acme/playground/"


@pytest.mark.parametrize("name", ["alice", "bob"])
def test_members_may_open_it(client, acme, name, request):
    client.force_login(request.getfixturevalue(name))
    assert client.get(URL).status_code == 200


def test_to_an_outsider_it_does_not_exist(client, acme, charlie):
    client.force_login(charlie)
    assert client.get(URL).status_code == 404
    assert client.get(URL).content == client.get("/t/nowhere/playground/").content


def test_it_holds_no_secret_and_offers_this_tenants_models_as_text(client, acme, globex, alice):
    issued = actions.issue_key(actor="test", tenant=acme, name="ci")
    store(acme.pk, model_asked='"><script>x</script>')
    store(globex.pk, model_asked="their-model")
    client.force_login(alice)
    page = client.get(f"{URL}?model=%22%3E%3Cscript%3E").content.decode()
    assert issued.secret not in page and "their-model" not in page
    assert "<script>x" not in page and 'value=""><script>' not in page
    assert "&lt;script&gt;x" in page


def test_it_takes_a_few_queries(client, acme, alice, django_assert_max_num_queries):
    client.force_login(alice)
    with django_assert_max_num_queries(16):
        client.get(URL)


@pytest.fixture
def key(acme):
    return actions.issue_key(actor="test", tenant=acme, name="ci").key


def ask_for_a_pass(client, key_id):
    return client.post(f"{URL}pass/", {"key": key_id})


def test_a_member_chooses_a_key_and_is_given_a_pass(client, acme, bob, key):
    client.force_login(bob)
    assert f'<option value="{key.pk}">ci</option>' in client.get(URL).content.decode()
    answer = ask_for_a_pass(client, key.pk)
    assert answer.status_code == 200 and answer.json()["secret"].startswith("llmp_")
    assert 0 < answer.json()["seconds"] <= 600
    assert "no-store" in answer.headers["cache-control"]
    row = PlaygroundPass.objects.get()
    assert (row.user, row.key, row.session_digest) == (bob, key, sessions.digest(client.session.session_key))


def test_a_viewer_may_paste_but_not_choose(client, acme, key):
    viewer = User.objects.create_user("vera")
    actions.set_role(actor="x", tenant=acme, user=viewer, role="viewer")
    client.force_login(viewer)
    assert str(key.pk) not in client.get(URL).content.decode()
    assert ask_for_a_pass(client, key.pk).status_code == 403


def test_a_foreign_key_looks_like_one_that_does_not_exist(client, acme, globex, alice):
    foreign = actions.issue_key(actor="x", tenant=globex, name="theirs").key
    client.force_login(alice)
    answers = [ask_for_a_pass(client, which) for which in (foreign.pk, uuid.UUID(int=1), "no-id", "")]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert not PlaygroundPass.objects.exists()


def test_without_the_forms_token_no_pass_is_given(acme, bob, key):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(bob)
    assert ask_for_a_pass(strict, key.pk).status_code == 403


def test_signing_out_ends_the_passes_of_that_session_alone(client, acme, bob, key):
    other = Client()
    for browser in (client, other):
        browser.force_login(bob)
        ask_for_a_pass(browser, key.pk)
    client.post("/accounts/sign-out/")
    assert [row.session_digest for row in PlaygroundPass.objects.all()] == [sessions.digest(other.session.session_key)]


def test_who_asks_for_passes_without_end_is_slowed_down(client, acme, bob, key):
    cache.clear()
    client.force_login(bob)
    statuses = [ask_for_a_pass(client, key.pk).status_code for _ in range(21)]
    assert statuses == [200] * 20 + [429]
