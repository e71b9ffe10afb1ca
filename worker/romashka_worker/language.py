"""Which language a customer writes in, as far as a few words tell."""

from collections.abc import Iterable

from py3langid.langid import MODEL_FILE, LanguageIdentifier

_MIN_PROBABILITY = 0.4
_LOOKED_AT = 500  # characters


class LanguageDetector:
    """Guesses among the languages that make a difference: short texts need a small choice."""

    def __init__(self) -> None:
        self._identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
        self._known = frozenset(self._identifier.nb_classes)
        self._candidates: frozenset[str] = frozenset()

    def detect(self, text: str, candidates: Iterable[str]) -> str | None:
        """Return the language of `text` as a two-letter code, or None when it could be any."""
        among = self._known.intersection(candidates)
        if len(among) < 2:
            return next(iter(among), None)
        if among != self._candidates:
            self._identifier.set_languages(sorted(among))
            self._candidates = among
        language, probability = self._identifier.classify(text[:_LOOKED_AT])
        return str(language) if probability >= _MIN_PROBABILITY else None
