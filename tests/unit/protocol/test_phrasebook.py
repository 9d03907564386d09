"""The phrasebook: complete in four languages, values in their places, and inert whatever comes."""

from __future__ import annotations

import re
import string
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channel.protocol import phrasebook
from channel.protocol.errors import UsageError
from channel.protocol.phrasebook import LANGUAGES, PHRASES, Language, render
from channel.protocol.statements import Element

SCRIPTS = {"en": "LATIN", "ru": "CYRILLIC", "ar": "ARABIC", "ku": "LATIN"}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", PHRASES)
def test_each_sentence_is_in_its_script_and_uses_each_value_once(code: str, language: Language) -> None:
    phrase = PHRASES[code]
    sentence = phrase.sentence(language)
    assert sorted(re.findall(r"\{(.*?)\}", sentence)) == [str(place) for place in range(len(phrase.values))]
    assert sentence.endswith(".")
    bare = re.sub(r"\{\d\}", "", sentence)
    assert {unicodedata.name(char).split(" ")[0] for char in bare if char.isalpha()} == {SCRIPTS[language]}
    assert unicodedata.is_normalized("NFC", sentence)


def test_no_sentence_says_two_things() -> None:
    for language in LANGUAGES:
        sentences = [phrase.sentence(language) for phrase in PHRASES.values()]
        assert len(set(sentences)) == len(sentences)


def test_kurmanji_uses_only_its_own_letters() -> None:
    alphabet = set(string.ascii_lowercase) | set("çêîşû")
    for phrase in PHRASES.values():
        assert {char for char in phrase.ku.lower() if char.isalpha()} <= alphabet


def test_an_element_reads_in_every_language() -> None:
    strike = phrasebook.element("strike-intended", ["37S FV 03674 10891", "160030Z SEP 17"])
    assert render(strike, "en") == "We intend to strike at 37S FV 03674 10891; time: 160030Z SEP 17."
    assert render(strike, "ru") == "Намерены нанести удар; место: 37S FV 03674 10891, время: 160030Z SEP 17."
    assert render(strike, "ku") == "Em ê li 37S FV 03674 10891 êrîş bikin; dem: 160030Z SEP 17."
    isolated = "نعتزم توجيه ضربة إلى \u206837S FV 03674 10891\u2069؛ الوقت: \u2068160030Z SEP 17\u2069."
    assert render(strike, "ar") == isolated


def test_a_value_of_the_other_direction_keeps_its_order() -> None:
    call = phrasebook.element("request-call", ["غرفة العمليات", "10:00"])
    assert render(call, "en") == "Please telephone \u2068غرفة العمليات\u2069 no later than 10:00."


def test_values_are_never_read_as_templates() -> None:
    assert render(phrasebook.element("own-moving", ["{1}", "{2}", "{0.__class__}"]), "en") == (
        "Our unit {1} is moving from {2} to {0.__class__}."
    )


def test_an_unknown_code_or_count_is_shown_as_it_is() -> None:
    assert render(Element(code="sings-a-song", values=("a", "b")), "ru") == "[sings-a-song] a · b"
    assert render(Element(code="sings-a-song", values=()), "en") == "[sings-a-song]"
    assert render(Element(code="hold-fire", values=()), "en") == "[hold-fire]"
    assert render(Element(code="hold-fire", values=("a", "b")), "ku") == "[hold-fire] a · b"


@given(
    st.sampled_from([*PHRASES, "unknown"]),
    st.lists(st.text(alphabet="aب{}0%\\ [<\u05d0", min_size=1, max_size=8), max_size=8),
    st.sampled_from(LANGUAGES),
)
def test_any_element_is_rendered_with_all_its_values(code: str, values: list[str], language: str) -> None:
    shown = render(Element(code=code, values=tuple(values)), language)
    assert all(value in shown for value in values)
    assert "\n" not in shown


@pytest.mark.parametrize(
    ("code", "values", "says"),
    [
        ("sings", [], "there are: own-position"),
        ("hold-fire", [], r"takes 1 values \(place\), not 0"),
        ("hold-fire", ["a", "b"], "not 2"),
        ("hold-fire", [""], "1 to 80 plain characters"),
        ("hold-fire", ["x" * 81], "1 to 80 plain characters"),
        ("hold-fire", ["a\nb"], "on one line"),
        ("hold-fire", ["a\u202eb"], "plain characters"),
    ],
)
def test_what_cannot_be_said_is_refused_with_what_can(code: str, values: list[str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        phrasebook.element(code, values)


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(UsageError, match="en, ru, ar, ku"):
        render(Element(code="hold-fire", values=("a",)), "de")


def test_the_book_fits_its_statement() -> None:
    for code, phrase in PHRASES.items():
        assert phrasebook.element(code, ["x"] * len(phrase.values)).code == code
    assert len(PHRASES) >= 20
