"""What personal data there is a word for: the names that modes are set by. proxy/privacy/detection finds them."""

from collections.abc import Mapping
from types import MappingProxyType

TYPES: Mapping[str, str] = MappingProxyType(
    {
        "PERSON": "Names of people",
        "EMAIL_ADDRESS": "E-mail addresses",
        "PHONE_NUMBER": "Phone numbers",
        "ADDRESS": "Postal addresses: street and number, with town and postcode beside them",
        "CREDIT_CARD": "Payment card numbers, by issuer and check digit",
        "IBAN_CODE": "International bank account numbers, by country and check digits",
        "US_SSN": "Social security and taxpayer numbers of the United States",
        "NATIONAL_ID": "Identity and tax numbers of other countries, by their check digits",
        "IP_ADDRESS": "Public IP addresses; private, loopback and documentation ranges are left alone",
        "CRYPTO": "Bitcoin addresses, by their check sums",
        "SECRET": "Keys, tokens, passwords in addresses and settings, private keys",
    }
)
"""Each type with what it stands for."""

DENIED = "TERM"
"""The type of what a tenant's own deny-list names."""

SECRETS = frozenset({"SECRET"})
"""Types whose values open something: they are put back for tools only, never into what people read."""

LANGUAGES: Mapping[str, str] = MappingProxyType(
    {
        "cs": "Czech",
        "da": "Danish",
        "de": "German",
        "en": "English",
        "es": "Spanish",
        "fi": "Finnish",
        "fr": "French",
        "hr": "Croatian",
        "hu": "Hungarian",
        "it": "Italian",
        "nl": "Dutch",
        "pl": "Polish",
        "pt": "Portuguese",
        "sv": "Swedish",
        "tr": "Turkish",
        "vi": "Vietnamese",
    }
)
"""Languages of which detection knows words: those beside numbers, of streets, of columns and titles."""

SPELLINGS: Mapping[str, str] = MappingProxyType({"API_KEY": "SECRET", "EMAIL": "EMAIL_ADDRESS", "IBAN": "IBAN_CODE"})
"""Other names that settings may use."""
