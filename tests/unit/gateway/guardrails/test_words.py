"""Words are compared by meaning: case, form, accents and unseen characters make no difference."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidobs.core.errors import ConfigError
from vidobs.gateway.guardrails.denylist import Denylist, read_words
from vidobs.gateway.guardrails.words import _any_words, words

texts = st.text(max_size=60)
plain_words = st.text("abcdefgzäßñøжשλ", min_size=1, max_size=8)


def found(entry, text):
    """Return the parts of a text in which an entry stands."""
    return [text[start:end] for start, end in Denylist([entry]).spans(text)]


@pytest.mark.parametrize(
    ("entry", "text", "parts"),
    [
        ("gun", "A GUN.", ["GUN"]),
        ("gun", "a gunner's begun", []),
        ("gun", "gun-gun", ["gun", "gun"]),
        ("gun", "a g\u00adu\u200bn", ["g\u00adu\u200bn"]),
        ("gun", "\uff27\uff35\uff2e!", ["\uff27\uff35\uff2e"]),
        ("zoë", "Zoe\u0308 and ZOE", ["Zoe\u0308", "ZOE"]),
        ("straße", "in der STRASSE", ["STRASSE"]),
        ("İstanbul", "istanbul", ["istanbul"]),
        ("office", "o\ufb03ce", ["o\ufb03ce"]),
        ("mickey mouse", "Mickey\n-Mouse", ["Mickey\n-Mouse"]),
        ("mickey mouse", "mickey the mouse", []),
        ("暴力", "这是暴力的画面", ["暴力"]),
        ("ガン", "ｶﾞﾝを持つ", ["ｶﾞﾝ"]),
        ("🔫", "a 🔫 toy", ["🔫"]),
        ("❤", "❤\ufe0f", ["❤"]),
        ("c++", "in C++ or c", ["C++"]),
        ("49", "49ers, 49 men", ["49"]),
    ],
)
def test_what_counts_as_a_word(entry, text, parts):
    """Whole words and phrases are found, however they are written."""
    assert found(entry, text) == parts


@given(texts.filter(str.isascii))
def test_the_short_way_of_plain_text_finds_the_same(text):
    """ASCII is read by a shorter way, with the same words in the same places."""
    assert list(words(text)) == list(_any_words(text))


@given(texts, texts, plain_words)
def test_a_word_is_found_wherever_it_stands(before, after, word):
    """Between spaces a word is found, in upper case and decomposed too."""
    listed = Denylist([word])
    for form in (word, word.upper(), unicodedata.normalize("NFD", word)):
        text = f"{before} {form} {after}"
        spans = list(listed.spans(text))
        assert any(start <= len(before) + 1 and end >= len(before) + 1 for start, end in spans)


@given(st.lists(plain_words, min_size=1, max_size=5), texts)
def test_redacting_leaves_nothing_to_find(entries, text):
    """What was redacted once holds no entry any more, whatever stood beside it."""
    listed = Denylist(entries)
    spoken = " ".join([text, *entries])

    redacted = listed.find(spoken, redact=True).prompt

    assert listed.find(redacted, redact=False) is None or "redacted" in entries


@given(texts)
def test_spans_lie_in_the_text(text):
    """Every word has a place of its own, in order."""
    places = [(word.start, word.end) for word in words(text)]

    assert all(0 <= start < end <= len(text) for start, end in places)
    assert places == sorted(places)


def test_an_entry_without_a_word_is_refused():
    """Punctuation alone can never be found, so it is an error."""
    with pytest.raises(ConfigError, match=r"^config.yaml:3: an entry .* no word"):
        Denylist(["ok", " ... "], where="config.yaml:3")


def test_a_file_has_an_entry_in_each_line(tmp_path):
    """Comments and empty lines are none; a byte order mark does not hurt."""
    path = tmp_path / "words.txt"
    path.write_text("\ufeffgun # of any kind\n\n# toys\nwater pistol\n", encoding="utf-8")

    assert read_words(str(path), "x") == ["gun", "water pistol"]


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    """The error says which file, and why."""
    with pytest.raises(ConfigError, match=r"^x: cannot read .*none\.txt: No such file"):
        read_words(str(tmp_path / "none.txt"), "x")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9\n")
    with pytest.raises(ConfigError, match="is not UTF-8: byte 3"):
        read_words(str(tmp_path / "latin.txt"), "x")
