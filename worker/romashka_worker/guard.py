"""Finds the messages that must not wait for a model: a customer who asks for a human."""

import re

# A plain request only: "Can I talk to a person?", not "Which persons do you know?". A model, where
# there is one, understands the rest. Verbs and nouns are stems, not far from each other.
_REQUESTS = (
    # English
    r"(?<!am i )\b(talk|speak|chat)\w*\b.{0,30}"
    r"\b(human|person|agent|operator|representative|someone real|colleague)\b",
    r"\b(connect|transfer|put|get|give|need|want)\w*\b.{0,30}"
    r"\b(human|(real|live) person|agent|operator|representative|someone real)\b",
    r"\b(human|agent|operator|representative),? please\b",
    # German
    r"\b(sprech|rede|schreib|verbind|brauch|will|möcht|hätte)\w*\b.{0,30}"
    r"\b(mensch|mitarbeiter|berater|person\b|kolleg)\w*",
    r"\b(mensch|mitarbeiter|berater)\w*\b.{0,20}\b(sprech|rede|verbind)\w*",
    # Spanish, Portuguese, Italian, French
    r"\b(habl|quier|necesit|comun|pása|falar|quer|precis|parl|vorrei|voglio|voudr|veux|besoin)\w*\b"
    r".{0,30}\b(human|humain|uman|person|persona|pessoa|agent|operador|operator|conseill|asesor)\w*",
    # Russian, Ukrainian
    r"\b(позов|соедин|переключ|поговор|свяж|нуж|хоч|хот|дайт|покличт|з'єдн|потріб)\w*\b.{0,30}"
    r"\b(человек|оператор|сотрудник|менеджер|люд[иь]|людин)\w*",
    # Polish, Turkish, Dutch
    r"\b(rozmawia|porozmawia|połącz|chc)\w*\b.{0,30}\b(człowiek|konsultant|pracownik)\w*",
    r"\b(insan|temsilci|yetkili|müşteri temsilcisi)\w*\b.{0,30}\b(görüş|konuş|bağla)\w*",
    r"\b(spre|praat|praten|wil|verbind)\w*\b.{0,30}\b(mens|medewerker|persoon)\w*",
    # Arabic, Chinese, Japanese
    r"(أتحدث|التحدث|أريد|تحويلي).{0,30}(شخص|إنسان|موظف|بشري)",
    r"(人工|真人|转接|轉接).{0,6}(客服|服务|服務)|(找|要|转|轉)(人工|真人)",
    r"(人間|担当者|オペレーター|人)(と|に).{0,6}(話|つな|繋|代わ)",
)
_ASKS_FOR_HUMAN = re.compile("|".join(f"(?:{request})" for request in _REQUESTS), re.IGNORECASE)
_LOOKED_AT = 2000  # characters: nobody hides the request at the end of an essay


def asks_for_human(text: str) -> bool:
    """Does the customer ask to be connected to a person?"""
    return _ASKS_FOR_HUMAN.search(text[:_LOOKED_AT]) is not None
