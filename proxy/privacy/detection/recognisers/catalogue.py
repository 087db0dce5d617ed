"""Every recogniser of what has a form. The place to add one."""

from proxy.privacy.detection.recognisers import (
    addresses,
    contact,
    identity,
    money,
    network,
    own,
    people,
    secrets,
    tables,
    tokens,
)
from proxy.privacy.detection.recognisers.base import LinearRecognizer
from proxy.privacy.rules import CustomRecogniser


def build(custom: tuple[CustomRecogniser, ...] = (), deny: tuple[str, ...] = ()) -> list[LinearRecognizer]:
    """What has a form, with a tenant's own. Raises linear.RegexRefused."""
    found: list[LinearRecognizer] = [
        contact.EmailAddressRecognizer(),
        contact.PhoneNumberRecognizer(),
        money.CardRecognizer(),
        money.IbanCodeRecognizer(),
        money.WalletRecognizer(),
        identity.SsnRecognizer(),
        *identity.national_ids(),
        network.PublicIpRecognizer(),
        people.FieldNameRecognizer(),
        tables.TableRecognizer(),
        addresses.StreetRecognizer(),
        secrets.PrivateKeyRecognizer(),
        secrets.PasswordRecognizer(),
        *tokens.recognisers(),
        *map(own.CustomRecognizer, custom),
    ]
    if any(deny):
        found.append(own.TermRecognizer(deny))
    return found
