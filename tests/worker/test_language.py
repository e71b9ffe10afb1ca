"""The customer's language: found in a few words, and kept through those that tell none."""

import pytest
from romashka_worker.language import LanguageDetector


@pytest.fixture(scope="module")
def detector() -> LanguageDetector:
    return LanguageDetector()


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("ar", "متى تصل طلبيتي؟"),
        ("cs", "Kdy dorazí moje objednávka?"),
        ("de", "Wann kommt meine Bestellung an?"),
        ("el", "Πότε θα φτάσει η παραγγελία μου;"),
        ("en", "When will my order arrive?"),
        ("es", "¿Cuándo llegará mi pedido?"),
        ("fi", "Milloin tilaukseni saapuu?"),
        ("fr", "Quand ma commande arrivera-t-elle ?"),
        ("he", "מתי תגיע ההזמנה שלי?"),
        ("hi", "मेरा ऑर्डर कब आएगा?"),
        ("hu", "Mikor érkezik meg a rendelésem?"),
        ("it", "Quando arriverà il mio ordine?"),
        ("ja", "注文はいつ届きますか?"),
        ("ko", "주문은 언제 도착하나요?"),
        ("nl", "Wanneer komt mijn bestelling aan?"),
        ("pl", "Kiedy dotrze moje zamówienie?"),
        ("pt", "Quando vai chegar a minha encomenda?"),
        ("ro", "Când va ajunge comanda mea?"),
        ("ru", "Когда придёт мой заказ?"),
        ("sv", "När kommer min beställning fram?"),
        ("th", "คำสั่งซื้อของฉันจะมาถึงเมื่อไหร่"),
        ("tr", "Siparişim ne zaman gelecek?"),
        ("uk", "Коли прийде моє замовлення?"),
        ("vi", "Khi nào đơn hàng của tôi đến?"),
        ("zh", "我的订单什么时候到?"),
    ],
)
def test_a_question_is_known_by_its_language(
    detector: LanguageDetector, language: str, text: str
) -> None:
    """An answer in a language that the customer did not write looks like a mistake."""
    assert detector.detect(text) == language
    assert detector.detect(text, "en") == language


WEAK = [
    "ok",
    "12345",
    "👍",
    "?",
    "",
    "https://example.org",
    "https://www.beispiel.de/damen-bekleidung/schuhe",
    "maria.schneider@beispiel.de",
    "Hi",
    "ça va",
    "Romashka",
    "@das_kleine_teehaus",
]


@pytest.mark.parametrize("text", WEAK)
@pytest.mark.parametrize("known", ["de", "pt-BR", "zh-TW", "xx", None])
def test_what_could_be_any_language_changes_none(
    detector: LanguageDetector, text: str, known: str | None
) -> None:
    """Who wrote German and says "ok" goes on in German."""
    assert detector.detect(text, known) == known


@pytest.mark.parametrize("known", ["hr", "sr"])
def test_nearly_equal_languages_are_told_apart_by_what_is_known(
    detector: LanguageDetector, known: str
) -> None:
    """Serbian and Croatian share most words: no answer changes sides with a message."""
    assert detector.detect("Kada stiže moja narudžba?", known) == known
