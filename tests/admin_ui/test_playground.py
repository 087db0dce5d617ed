"""The playground's page: open to members, and without any secret in it."""

import pytest

from tenants import actions
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
    with django_assert_max_num_queries(14):
        client.get(URL)
