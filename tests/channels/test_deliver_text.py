"""How a text that is too long for one message is split."""

from hypothesis import given, settings
from hypothesis import strategies as st
from romashka_worker.channels.text import count_bytes, count_units, split_text
from wcwidth import iter_graphemes

FAMILY = "\N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL}\u200d\N{BOY}"
TEXTS = st.text(
    alphabet=st.one_of(
        st.sampled_from([" ", "\n", ".", "!", "。", "a", "क", "ि", "\u0301", "\u200d", *FAMILY]),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=200,
)


def test_a_text_that_fits_stays_whole() -> None:
    """Nobody wants two messages for one."""
    assert split_text("Yes.\n\nIt is. ", 1000, count_bytes) == ["Yes.\n\nIt is."]
    assert split_text("x" * 4096, 4096, count_units) == ["x" * 4096]
    assert split_text(" \n", 10, count_units) == []


def test_a_long_text_is_split_after_a_sentence() -> None:
    """A customer reads whole thoughts."""
    text = "The first sentence. The second one! And v1.2 of the third? Yes"

    assert split_text(text, 40, count_units) == [
        "The first sentence. The second one!",
        "And v1.2 of the third? Yes",
    ]
    assert split_text("これは文です。これも文です。", 10, count_units) == [
        "これは文です。",
        "これも文です。",
    ]


def test_without_sentences_it_is_split_between_words() -> None:
    """A list of things, say."""
    assert split_text("one two three four", 9, count_units) == ["one two", "three", "four"]


def test_a_grapheme_is_never_split() -> None:
    """Half of a family is another family, and half a letter none at all."""
    size = count_bytes(FAMILY)

    assert split_text(FAMILY * 3, 2 * size + size // 2, count_bytes) == [FAMILY * 2, FAMILY]
    assert split_text("नमस्ते" * 2, 20, count_bytes) == ["नमस्ते", "नमस्ते"]


def test_characters_count_as_many_as_they_may() -> None:
    """Meta does not say how it counts: an emoji is one, or two."""
    assert count_units("a\N{GRINNING FACE}") == 3


@given(text=TEXTS, limit=st.integers(4, 60), by_bytes=st.booleans())
@settings(max_examples=150, deadline=None)
def test_nothing_is_lost_and_every_part_fits(text: str, limit: int, by_bytes: bool) -> None:
    """Whatever a model wrote."""
    size = count_bytes if by_bytes else count_units
    parts = split_text(text, limit, size)

    assert all(part.strip() == part and 0 < size(part) <= limit for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


@given(text=TEXTS.map(lambda text: "".join(text.split())))
@settings(max_examples=100, deadline=None)
def test_every_grapheme_that_fits_is_whole(text: str) -> None:
    """In any script."""
    graphemes = list(iter_graphemes(text))
    if all(count_bytes(grapheme) <= 40 for grapheme in graphemes):
        parts = split_text(text, 40, count_bytes)

        assert [one for part in parts for one in iter_graphemes(part)] == graphemes
