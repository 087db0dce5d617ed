"""Each recogniser by examples («…» is what has to be found) and by what has to be left alone."""

import re

import pytest
from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.nlp_engine import NoOpNlpEngine

from proxy.privacy.detection import overlaps, scan
from proxy.privacy.detection.recognisers import catalogue
from proxy.privacy.findings import Finding
from proxy.privacy.rules import CustomRecogniser
from tenants import entities

FOUND = {
    "EMAIL_ADDRESS": [
        "write to «ada.lovelace+news@mail.example.co.uk», please",
        "Ada <«ada@acme.internal»>",
        "user «müller@bücher.example» asked",
        '{"to":"«o\'brien@example.com»"}',
    ],
    "PHONE_NUMBER": [
        "call «+1 (415) 555-0132» now",
        "fax: «030 1234567»",
        "«(415) 555-0132»",
        "mobile «4155550132»",
        "text me at «4155550132»",
        "7,Ada,«01701234567»,Bonn\n",
        "ring +49 151 23456789, or «020 7946 0958 x12»",
        "«+33 6 12 34 56 78»",
        'phone_number: "«0664 1234567»"',
        "call me back on «366851991», please",
        "«+99(1)5512345678», «+44 (0)20 7946 0958»",
        "Jan Kos\n«795 930 831» mobile\n«0521671715»-Fax",
        "12: Anna Nowak,ul. Lipowa 7,«604 734 860»\n",
        "7;Mario Rossi;Via Roma 3;«3311950061»\n",
        "«5352133341» | jane@example.com",
        "3,Leigh Kent,1 Main Street,«(029)2018550»",
    ],
    "CREDIT_CARD": [
        "«4111 1111 1111 1111»",
        "card «378282246310005», please",
        '"pan": "«2221000000000009»"',
        "«5555-5555-5555-4444»",
        "maestro «6759 6498 2643 8453»",
        'card_number: "«060471307235»", jane@example.com',
    ],
    "IBAN_CODE": [
        "to «DE89 3704 0044 0532 0130 00» today",
        "iban=«GB82WEST12345698765432»",
        "«FR14 2004 1010 0505 0001 3M02 606» AND MORE",
    ],
    "US_SSN": ["«123-45-6789»", "ssn: «123456789»", "social security number is «078 05 1120»."],
    "NATIONAL_ID": [
        "PESEL «44051401359»",
        "DNI: «12345678Z»",
        "«RSSMRA85T10A562S»",
        "CPF «529.982.247-25»",
        "BSN «111222333»",
        "Steuer-ID «36 574 261 809»",
        "NI number «AB 12 34 56 C»",
        "Aadhaar «4991 1866 5246»",
        "NIR «2 55 08 14 168 025 38»",
    ],
    "IP_ADDRESS": ["from «93.184.216.34» port 22", "«2a00:1450:4001:81b::200e»", "client «5.9.1.2»"],
    "CRYPTO": ["pay to «1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2»", "«bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq»"],
    "ADDRESS": [
        "She lives at «1600 Pennsylvania Avenue» now",
        "«Hauptstraße 12a, 10115 Berlin»",
        "«12 rue de la Paix, 75002 Paris»",
        "«Via Garibaldi, 44»",
        "«ul. Długa 5/12»",
        "at «85106 Karen Heights Suite 382, Seanton, MT 95620».",
        "12,Ann,«67622 Tina Hollow»,x",
        "«PSC 1586, Box 5086, APO AP 86417»",
        "«P.O. Box 12, Springfield, IL 62704»",
        "«H.No. 02, Sekhon Nagar, Bhalswa 528738»",
        "«Kossuth Lajos utca 12»., Budapest",
        "«Atatürk Caddesi No: 7»",
        "«Na Hrázi 12, 110 00 Praha»",
        "«Rua das Flores, 21\n01310-100 São Paulo»",
        '{"street": "«Na Hrázi 12»"}',
        "<shipTo>«4 Tolpuddle, Poole»</shipTo>",
        "ADR:«Keizersgracht 7 Amsterdam»",
        "I live at «7 The Maltings», next door",
    ],
    "PERSON": [
        '{"customer_name": "«Zoë Ångström»"}',
        "Author: «Ada Lovelace» <ada@example.org>",
        "<fullName>«Jan van der Berg»</fullName>",
        "see Dr. «Watson» about it",
        'first_name = "«Priya»"',
        "id,name,email\n1,«Krzysztof Zaraś»,k@example.pl\n",
        "| Customer | E-mail |\n|---|---|\n| «Ada Lovelace» | a@example.com |",
        "INSERT INTO people (id, first_name, ssn) VALUES (7, '«Blanka»', '');",
    ],
    "SECRET": [
        "AWS_ACCESS_KEY_ID=«AKIAIOSFODNN7ABCDEFG»",
        "token «ghp_aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bD1fG3hJ5»",
        "x-api-key: «sk-ant-api03-aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bD1fG»",
        "«sk-proj-aB3dE5gH7jK9mN1pQ3sT5vW7»",
        "«xoxb-123456789012-123456789012-aB3dE5gH7jK9mN1pQ3sT5vW7»",
        "«sk_live_aB3dE5gH7jK9mN1pQ3sT»",
        "«AIzaaB3dE5gH7jK9mN1pQ3sT5vW7yZ9bD1fG3hJ»",
        "«glpat-aB3dE5gH7jK9mN1pQ3sT»",
        "«llmp_aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bD1fG3hJ5»",
        "«eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P»",
        "postgres://app:«s3cr3tPass»@db.internal:5432/x",
        'password = "«hunter2!!x»"',
        "API_KEY=«9f8g7h6j5k4l3m2n»",
        "my password is «Tr0ub4dor&3», keep it",
        "Authorization: Bearer «9f8g7h6j5k4l3m2n1b0v9c8x»",
        "«-----BEGIN RSA PRIVATE KEY-----\n"
        + "MIIEowIBAAKCAQEAabcdefghijklmnop\n" * 6
        + "-----END RSA PRIVATE KEY-----»",
        "cut: «-----BEGIN PRIVATE KEY-----\n"
        + "MIIEowIBAAKCAQEAabcdefghijklmnop\n" * 5
        + "MIIEowIBAAKCAQEAabcdefghijklmnop»",
    ],
}
LEFT_ALONE = [
    "git clone git@github.com:acme/shop.git",
    "Co-Authored-By: Claude <noreply@anthropic.com>",
    "icon@2x.png react@18.2.0 a@b @property user@host",
    "smtp://user:password@mail.example.com:587",
    "version 1.2.3.4, Chrome/120.0.6099.129, 10.0.0.1, 127.0.0.1, ::1, 192.168.1.7, 203.0.113.9, 8.8.8.8",
    "std::string a::b 12:34:56 fe80::1 2001:db8::1",
    "2024-01-02 12:30:45, 01/02/2023, 1700000000, 1700000000000, 0.4532015112830366",
    "called with 12345678, contact 1700000000, reach 7654321",
    "| PHONE_NUMBER | 128 | 1.000 (0.970–1.000) |",
    "550e8400-e29b-41d4-a716-446655440000 d41d8cd98f00b204e9800998ecf8427e",
    "order 12345678, invoice 2024-000123, section 3.2.1.4, ISBN 978-3-16-148410-0",
    "4111 1111 1111 1112 and 1234567812345678 are no cards",
    "DE89 3704 0044 0532 0130 01 has the wrong digits",
    "000-12-3456 and 666-12-3456 were never given out",
    "+12345678\n-12345679\n",
    'password = os.environ["PASSWORD"]\ntoken = get_token(request)\nsecret: ${SECRET}\napi_key="YOUR_API_KEY"',
    "password: <your password>, token: null, PASSWORD=changeme, max_tokens: 4096, tokenizer = Tokenizer()",
    "postgres://user:password@localhost/db and https://example.com:8443/path@2",
    "sk-ant-xxxxxxxxxxxxxxxxxxxxxxxx ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "-----BEGIN CERTIFICATE-----\nMIIEowIBAAKCAQEAabcdefghijklmnop\n-----END CERTIFICATE-----",
    "| Name | Type | Default |\n|---|---|---|\n| Read Timeout | Float | 30 |",
    "name: Build And Test\nauthor: The Django Software Foundation\n",
    "3 Main Changes since 2023; 5 new rows on page 12",
    "During 2013, Spring 2024, String 5, Engineering 101, Monitoring 24",
    "404 Page Not Found; 12 Data Centers in use; 10 Unit Test Runs; 200 Status Point",
    "Windows 11, 10000 Users; Python 3, 3000 Lines; Error 12, 4096 Bytes",
    "address: see section 4 of the RFC\naddress = '127.0.0.1:8080'\nstreet: required, 3 letters\naddress: 0x7f 12",
    "delivered to 3 regions; moving to 12 workers; lives in 2 places",
    "7,Blue Widget,red,1234567890\n",
]


def found(
    text: str, *own: CustomRecogniser, deny: tuple[str, ...] = (), languages: tuple[str, ...] = ()
) -> list[tuple[str, str]]:
    """Type and value of each finding."""
    results = overlaps.resolve(one for one in scan.scanner(own, deny, languages).scan(text) if one.score >= 0.5)
    return [(one.entity_type, text[one.start : one.end]) for one in results]


@pytest.mark.parametrize(
    ("entity_type", "example"), [(name, example) for name, examples in FOUND.items() for example in examples]
)
def test_it_is_found_exactly(entity_type: str, example: str) -> None:
    wanted = re.findall("«(.*?)»", example, re.S)
    assert wanted, "an example marks what is to be found"
    values = [value for kind, value in found(re.sub("[«»]", "", example)) if kind == entity_type]
    assert set(wanted) <= set(values)


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_it_is_left_alone(text: str) -> None:
    assert found(text) == []


def test_a_word_before_says_what_a_number_is() -> None:
    assert found("mobile 4155550132") and not found("build 4155550132")
    assert found("pesel 44051401359") and not found("44051401359")


def test_a_tenants_own_pattern_is_found_with_its_group_alone() -> None:
    own = CustomRecogniser("EMPLOYEE_ID", r"\b(?:emp|staff)-([0-9]{5})\b", 0.9)
    assert found("see emp-12345 and staff-99999", own) == [("EMPLOYEE_ID", "12345"), ("EMPLOYEE_ID", "99999")]


def test_context_words_make_a_tenants_own_pattern_surer() -> None:
    own = CustomRecogniser("ROOM", r"\b[A-Z][0-9]{3}\b", 0.8, ("room", "c++"))
    assert found("room B204", own) == [("ROOM", "B204")]
    assert found("part B204", own) == []  # 0.8 × 0.6 is below the threshold


def test_denied_terms_are_found_as_words_in_any_case() -> None:
    deny = ("Project Bluebird", "a+b", "")
    assert found("PROJECT BLUEBIRD and a+b", deny=deny) == [("TERM", "PROJECT BLUEBIRD"), ("TERM", "a+b")]
    assert found("project bluebirds", deny=deny) == []


def test_the_same_text_gives_the_same_findings() -> None:
    text = " ".join(example for examples in FOUND.values() for example in examples)
    scanner = scan.Scanner((), ())
    assert scanner.scan(text) == scan.Scanner((), ()).scan(text) == scanner.scan(text)


def test_the_prefilter_changes_no_result() -> None:
    scanner = scan.scanner((), ())
    for example in [*LEFT_ALONE, *(example for examples in FOUND.values() for example in examples)]:
        text = re.sub("[«»]", "", example)
        every = [one for recogniser in scanner.registry.recognizers for one in recogniser.analyze(text, [])]
        assert scanner.scan(text) == [Finding(one.start, one.end, one.entity_type, one.score) for one in every]


def test_presidios_own_engine_runs_them_too() -> None:
    engine = AnalyzerEngine(
        registry=scan.Scanner((), ()).registry,
        nlp_engine=NoOpNlpEngine([{"lang_code": "en", "model_name": "none"}]),
        supported_languages=["en"],
    )
    results = engine.analyze("mail ada@example.com", language="en", entities=["EMAIL_ADDRESS"])
    assert [(one.entity_type, one.start, one.end) for one in results] == [("EMAIL_ADDRESS", 5, 20)]


SPOKEN = [
    ("de", "Handy 4155550132", "PHONE_NUMBER"),
    ("fr", "Il habite 12 rue de la Paix, 75002 Paris", "ADDRESS"),
    ("es", "DNI: 12345678Z", "NATIONAL_ID"),
    ("pl", "imię: 'Blanka'", "PERSON"),
    ("it", "id,cognome,x\n1,Rossi,y\n", "PERSON"),
    ("nl", "kaart 6759 6498 2643 8453", "CREDIT_CARD"),
    ("tr", "Atatürk Caddesi 7", "ADDRESS"),
]


@pytest.mark.parametrize(("language", "text", "entity_type"), SPOKEN)
def test_words_count_in_the_languages_that_are_set_and_in_all_where_none_is(
    language: str, text: str, entity_type: str
) -> None:
    of_types = {name: [kind for kind, _ in found(text, languages=name)] for name in ((), (language,), ("en", language))}
    assert all(entity_type in kinds for kinds in of_types.values())
    assert entity_type not in [kind for kind, _ in found(text, languages=("en",))]


def test_every_language_that_can_be_set_does_something() -> None:
    def built(*languages: str) -> str:
        return repr([(one.hint, one.context) for one in catalogue.build(languages=languages)])

    english_alone = built("en")
    assert [code for code in entities.LANGUAGES if code != "en" and built("en", code) == english_alone] == []
    assert built("de") != built("de", "en")


def test_what_needs_no_word_is_found_in_any_language() -> None:
    text = "a@example.com, 4111 1111 1111 1111, DE89 3704 0044 0532 0130 00, +49 30 1234567, 123-45-6789"
    assert len(found(text, languages=("vi",))) == 5
