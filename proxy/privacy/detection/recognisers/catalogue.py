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


def build(
    custom: tuple[CustomRecogniser, ...] = (), deny: tuple[str, ...] = (), languages: tuple[str, ...] = ()
) -> list[LinearRecognizer]:
    """What has a form, with a tenant's own, by the words of these languages or of all. Raises linear.RegexRefused."""
    found: list[LinearRecognizer] = [
        contact.EmailAddressRecognizer(),
        contact.PhoneNumberRecognizer(languages),
        money.CardRecognizer(languages),
        money.IbanCodeRecognizer(),
        money.WalletRecognizer(),
        identity.SsnRecognizer(),
        *identity.national_ids(languages),
        network.PublicIpRecognizer(),
        people.FieldNameRecognizer(languages),
        tables.TableRecognizer(languages),
        addresses.StreetRecognizer(languages),
        secrets.PrivateKeyRecognizer(),
        secrets.PasswordRecognizer(),
        *tokens.recognisers(),
        *map(own.CustomRecognizer, custom),
    ]
    if any(deny):
        found.append(own.TermRecognizer(deny))
    return found
