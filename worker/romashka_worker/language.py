"""Which language a customer writes in, as far as a few words tell."""

import re
from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

_LANGUAGES = (
    "ar bg bn ca cs da de el en es et fa fi fr he hi hr hu id it ja ka kk ko lt lv ms nl no pl pt"
    " ro ru sk sl sq sr sv sw ta th tr uk ur vi zh"
).split()
"""Those of many customers. The model knows as many again, and takes short texts for them."""
_KNOWN_IS_LIKELIER = 5.0
"""By how much a language is likelier that the customer is known to use."""
_MIN_PROBABILITY = 0.4
_MIN_PROBABILITY_OF_A_WORD = 0.6
_WORD = 8  # letters: with fewer a greeting of one language is a name in another
_LOOKED_AT = 500  # characters
_NO_WORDS = re.compile(r"(?:https?://|www\.)\S+|\S+@\S+|[@#]\w+|\d+")
"""Links, addresses, names and numbers are in no language."""


class LanguageDetector:
    """Guesses, and changes its mind about a customer for good reasons only."""

    def __init__(self) -> None:
        self._identifier = _load_identifier()

    def detect(self, text: str, known: str | None = None) -> str | None:
        """Return the language of `text` as a two-letter code; `known` when it could be any.

        A language that is nearly another (Serbian and Croatian, Czech and Slovak) is told from it
        by what is known, or else by a few words.
        """
        words = _NO_WORDS.sub(" ", text[: 4 * _LOOKED_AT])[:_LOOKED_AT].strip()
        letters = sum(map(str.isalpha, words))
        if not letters:
            return known
        probabilities = dict(self._identifier.rank(words))
        known_code = base_language(known) if known else None
        best = max(
            probabilities,
            key=lambda code: (
                probabilities[code] * (_KNOWN_IS_LIKELIER if code == known_code else 1)
            ),
        )
        limit = _MIN_PROBABILITY if letters >= _WORD else _MIN_PROBABILITY_OF_A_WORD
        is_sure = best != known_code and probabilities[best] >= limit
        return str(best) if is_sure else known


@cache
def _load_identifier() -> LanguageIdentifier:
    """Load the model, which takes half a second, once; nothing changes it afterwards."""
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(_LANGUAGES)
    return identifier


def base_language(code: str) -> str:
    """Return the language of a code such as pt-BR; both written Norwegians are one here."""
    language = code.replace("_", "-").split("-")[0].lower()
    return "no" if language in ("nb", "nn") else language


def is_same_language(one: str | None, other: str | None) -> bool:
    """Is it the same language, wherever it is spoken? What is unknown is no language."""
    return bool(one and other) and base_language(str(one)) == base_language(str(other))
