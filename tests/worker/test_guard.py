"""Without embeddings: patterns hear who asks for a human."""

import pytest
from romashka_worker.guard import asks_for_human


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
