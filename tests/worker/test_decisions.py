"""What decides without a model: the guard, the language, the policy."""

import pytest
from romashka_worker.guard import asks_for_human
from romashka_worker.language import LanguageDetector
from romashka_worker.policy import decide
from romashka_worker.responders import Analysis
from romashka_worker.understanding import Signals

LANGUAGES = ("ar", "de", "en", "es", "fr", "it", "ja", "nl", "pl", "pt", "ru", "tr", "uk", "zh")


@pytest.mark.parametrize(
    "text",
    [
        "I want to talk to a human",
        "Can I speak with a real person, please?",
        "agent please",
        "Ich möchte mit einem Menschen sprechen.",
        "Kann mich ein Mitarbeiter zurückrufen? Ich will mit einem Mitarbeiter reden",
        "Quiero hablar con una persona",
        "Je veux parler à un humain",
        "Vorrei parlare con una persona",
        "Quero falar com um atendente humano",
        "Позовите оператора",
        "Хочу поговорить с человеком",  # noqa: RUF001 -- Russian
        "Chcę rozmawiać z konsultantem",
        "Bir insanla görüşmek istiyorum",
        "Ik wil een medewerker spreken",
        "我要人工客服",
        "担当者と話したいです",
    ],
)
def test_a_request_for_a_human_is_heard(text: str) -> None:
    """A customer who asks for a person must not argue with a machine."""
    assert asks_for_human(text)


@pytest.mark.parametrize(
    "text",
    [
        "What is Romashka?",
        "When does a human take over the conversation?",
        "Wann übernimmt ein Mensch das Gespräch?",
        "¿Cuándo se hace cargo una persona de la conversación?",
        "Когда разговор берёт человек?",
        "I need three tickets",
        "Do you have an agency in Berlin?",
        "",
    ],
)
def test_a_question_is_not_taken_for_such_a_request(text: str) -> None:
    """Each false alarm costs the team a conversation that the AI could have had."""
    assert not asks_for_human(text)


@pytest.fixture(scope="module")
def detector() -> LanguageDetector:
    return LanguageDetector()


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("What is Romashka?", "en"),
        ("Wie schnell kommt eine Antwort?", "de"),
        ("¿Cómo se escala?", "es"),
        ("Нужен ли Docker?", "ru"),
        ("Je voudrais savoir comment ça marche", "fr"),
        ("ok", None),
        ("12345", None),
        ("", None),
    ],
)
def test_the_language_of_a_short_text_is_found_or_left_open(
    detector: LanguageDetector, text: str, language: str | None
) -> None:
    """A hand-over in a language that the customer did not write looks like a mistake."""
    assert detector.detect(text, LANGUAGES) == language


def test_a_language_that_is_not_offered_is_never_chosen(detector: LanguageDetector) -> None:
    """Settings name the languages that there are texts for."""
    assert detector.detect("Wie schnell kommt eine Antwort?", ("en", "xx")) == "en"
    assert detector.detect("Wie schnell kommt eine Antwort?", ()) is None


@pytest.mark.parametrize(
    ("analysis", "reason"),
    [
        (Analysis(confidence=0.6), None),
        (Analysis(confidence=0.59), "low_confidence"),
        (Analysis(confidence=1, needs_human=True, reason="legal"), "legal"),
        (Analysis(confidence=1, needs_human=True), "low_confidence"),
    ],
)
def test_a_draft_is_sent_or_handed_over(analysis: Analysis, reason: str | None) -> None:
    """A weak answer must reach a human instead of the customer, and say why."""
    decision = decide(analysis, Signals(), {"min_confidence": 0.6})

    assert decision.reason == reason
    assert decision.is_reply == (reason is None)
