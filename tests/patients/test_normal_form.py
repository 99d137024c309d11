"""One spelling for each address."""

import re

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from patients import normal_form
from patients.models import ContactPoint
from patients.normal_form import NotAnAddress

SYSTEM = ContactPoint.System

E164 = re.compile(r"\+[1-9][0-9]{3,14}", re.ASCII)

demo_numbers = st.integers(0, 9999).map(lambda n: f"010{n:04d}")


def _punctuated(digits: str) -> list[str]:
    a, b = digits[:3], digits[3:]
    return [
        f"+1555{digits}",
        f"+1 (555) {a}-{b}",
        f"(555) {a}-{b}",
        f"555.{a}.{b}",
        f"1-555-{a}-{b}",
        f" 555 {a} {b} ",
        f"tel:+1-555-{a}-{b}",
        f"\uff15\uff15\uff15{a}{b}",  # full-width digits
        f"+1\u200b555{a}{b}",
    ]


@given(demo_numbers)
def test_each_way_to_write_a_number_is_one_number(digits: str) -> None:
    spellings = _punctuated(digits)
    assert {normal_form.phone(spelling) for spelling in spellings} == {f"+1555{digits}"}


@given(st.text(max_size=40))
def test_any_text_is_a_stable_number_or_none(text: str) -> None:
    try:
        number = normal_form.phone(text)
    except NotAnAddress:
        return
    assert normal_form.phone(number) == number
    assert E164.fullmatch(number)  # the table's own constraint


regions = st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS))


@example("NG", "0000000000000")
@example("NG", "1000000000000")
@given(regions, st.text("0123456789", min_size=1, max_size=17))
def test_numbers_of_all_countries_are_stable(region: str, digits: str) -> None:
    try:
        number = normal_form.phone(digits, region)
    except NotAnAddress:
        return
    assert number.startswith("+")
    assert number[1:].isdigit()
    assert len(number) <= 16
    assert normal_form.phone(number) == number
    assert normal_form.phone(number, "DE") == number


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "   ",
        "hello",
        "911",
        "0100142",  # no area code: reaches nobody from outside
        "262966",  # a short code
        "555-010-0142 ext 5",  # others in the house would read it
        "+1 555 010 0142;ext=3",
        "+266696687",  # withheld: "ANONYMOUS"
        "+86282452253",  # withheld: "UNAVAILABLE", possible as a Chinese number
        "Anonymous",
        "client:agent_42",
        "+155501001420000",
        "\0",
    ],
)
def test_what_is_no_number_is_refused_without_printing_it(raw: str) -> None:
    with pytest.raises(NotAnAddress) as refusal:
        normal_form.phone(raw)
    assert not raw.strip() or raw not in str(refusal.value)


def test_home_region_decides_what_a_number_without_a_country_is(settings) -> None:
    assert normal_form.phone("020 7946 0123", "GB") == "+442079460123"
    settings.PHONE_REGION = "GB"
    assert normal_form.phone("020 7946 0123") == "+442079460123"
    assert normal_form.display(ContactPoint(system=SYSTEM.PHONE, value="+442079460123")) == (
        "020 7946 0123"
    )
    assert normal_form.display(ContactPoint(system=SYSTEM.PHONE, value="+15550100142")) == (
        "+1 555-010-0142"
    )


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("Ana.Morales@Example.ORG", "ana.morales@example.org"),
        ("  ana@example.org\n", "ana@example.org"),
        ("ana@bücher.example", "ana@xn--bcher-kva.example"),
        ("ANA@BÜCHER.EXAMPLE", "ana@xn--bcher-kva.example"),
        ("ana@xn--bcher-kva.example", "ana@xn--bcher-kva.example"),
        ("ana+clinic@example.org", "ana+clinic@example.org"),
    ],
)
def test_mail_addresses_have_one_spelling(raw: str, normal: str) -> None:
    assert normal_form.email(raw) == normal


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "ana",
        "@example.org",
        "ana@",
        "ana@example",
        "ana@exa mple.org",
        "Ana Morales <ana@example.org>",
        "ana@example.org, ben@example.org",
        "ana@example..org",
        "a\0na@example.org",
        "a" * 250 + "@example.org",
        "ana@" + "a" * 64 + ".org",
    ],
)
def test_what_is_no_mail_address_is_refused(raw: str) -> None:
    with pytest.raises(NotAnAddress):
        normal_form.email(raw)


@given(st.emails(domains=st.sampled_from(["example.org", "Example.ORG", "bücher.example"])))
def test_mail_addresses_are_stable(address: str) -> None:
    try:
        normal = normal_form.email(address)
    except NotAnAddress:
        return
    assert normal_form.email(normal) == normal == normal.lower()
    assert normal.isascii()


@given(st.text(max_size=60))
def test_any_text_is_a_stable_mail_address_or_none(text: str) -> None:
    try:
        normal = normal_form.email(text)
    except NotAnAddress:
        return
    assert normal_form.email(normal) == normal


@pytest.mark.parametrize("system", [SYSTEM.MESSENGER, SYSTEM.VISITOR])
def test_opaque_ids_keep_their_case_and_hold_no_spaces(system: str) -> None:
    assert normal_form.normalise(system, " aB-12_z ") == "aB-12_z"
    for bad in ("", "  ", "a b", "a\0b", "é", "x" * 255):
        with pytest.raises(NotAnAddress):
            normal_form.normalise(system, bad)


def test_an_unknown_system_is_refused() -> None:
    with pytest.raises(NotAnAddress):
        normal_form.normalise("fax", "+15550100142")


@pytest.mark.parametrize(
    ("system", "value", "shown"),
    [
        (SYSTEM.PHONE, "+15550100142", "(555) 010-0142"),
        (SYSTEM.PHONE, "+442079460123", "+44 20 7946 0123"),
        (SYSTEM.EMAIL, "ana@xn--bcher-kva.example", "ana@bücher.example"),
        (SYSTEM.EMAIL, "ana@example.org", "ana@example.org"),
        (SYSTEM.VISITOR, "3f2a", "Chat visitor"),
        (SYSTEM.MESSENGER, "123", "Messenger"),
    ],
)
def test_addresses_are_shown_as_people_write_them(system: str, value: str, shown: str) -> None:
    assert normal_form.display(ContactPoint(system=system, value=value)) == shown
