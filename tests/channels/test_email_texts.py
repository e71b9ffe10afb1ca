"""What a mail says is read whole, without what it answers: in every script, charset and shape."""

# ruff: noqa: RUF001 -- letters of other alphabets are meant
import base64
from pathlib import Path
from typing import Any

import pytest

from tests.channels.functions import Database, serve_functions
from tests.channels.mail_in import SUPPORT, TOKEN, write

REPLY = {"Subject": "Re: Order", "In-Reply-To": "<before@example.com>"}
NEW = "It has not come."
OLD = "We sent it."
WHO = "Support <support@example.com>"
ATTRIBUTIONS = [
    "\u200fבתאריך יום ב׳, 5 בינו׳ 2026 ב-10:00 מאת \u202aSupport\u202c\u200f "
    "<\u202asupport@example.com\u202c\u200f>:\u200f",
    f"در تاریخ دوشنبه ۵ ژانویهٔ ۲۰۲۶،\u200f ۱۰:۰۰ {WHO} نوشت:",
    f"เมื่อ จ. 5 ม.ค. 2569 เวลา 10:00 {WHO} เขียนว่า:",
    f"2026年1月5日(月) 10:00 {WHO}:",
    f"{WHO} 于2026年1月5日周一 10:00写道：",
    f"2026년 1월 5일 (월) 오전 10:00, {WHO}님이 작성:",
    f"Vào Th 2, 5 thg 1, 2026 vào lúc 10:00 {WHO} đã viết:",
    f"সোম, ৫ জানু, ২০২৬ তারিখে ১০:০০ এ {WHO} লিখেছেন:",
    f"Στις Δευ 5 Ιαν 2026 στις 10:00 π.μ., ο χρήστης {WHO} έγραψε:",
    f"Le lun. 5 janv. 2026 à 10:00, {WHO} a écrit :",
    f"On Monday, January 5, 2026 at 10:00:00 AM, {WHO} wrote:",
]
ABOVE_QUOTES = [
    f"၂၀၂၆၊ ဇန် ၅၊ တနင်္လာ ၁၀:၀၀ တွင် {WHO} က ရေးသားခဲ့သည်-",
    f"सोम, 5 जन॰ 2026 को 10:00 बजे {WHO} ने लिखा",
    f"{WHO} wrote:",
    f"On Monday, January 5, 2026 at 10:00 AM\n{WHO} wrote:",
    "El 05/01/2026 a las 10:00, support@example.com escribió:",
]
WRAPPED = [
    "Den mån 5 jan. 2026 kl 10:00 skrev Kundtjänst Exempel Aktiebolag <\nsupport@example.com>:",
    "man. 5. jan. 2026 kl. 10:00 skrev Kundeservice <support@example.com\n>:",
]
SIGNED = (
    "\n>\n> On Mon, 5 Jan 2026 at 9:00, Jo <jo@example.org> wrote:\n>> Hi\n\n-- \nJo\nEksempel AS"
)
COPIED = [
    ("From", "Sent", "To", "Subject"),
    ("Fra", "Sendt", "Til", "Emne"),
    ("מאת", "נשלח", "אל", "נושא"),
    ("من", "تم الإرسال", "إلى", "الموضوع"),
    ("จาก", "ส่ง", "ถึง", "เรื่อง"),
    ("差出人", "送信日時", "宛先", "件名"),
    ("------ 原始邮件 ------\n发件人", "发送时间", "收件人", "主题"),
]
CHARSETS = {
    "euc-kr": "주문한 상품이 아직 도착하지 않았습니다.",
    "gb18030": "我的订单还没有收到，请问什么时候发货？",
    "big5": "我的訂單還沒有收到，請問什麼時候出貨？",
    "shift_jis": "注文した商品が届きません。いつ届きますか。",
    "euc-jp": "注文した商品が届きません。いつ届きますか。",
    "cp1251": "Здравствуйте, заказ не пришёл. Когда доставка?",
    "koi8-r": "Здравствуйте, заказ не пришёл. Когда доставка?",
    "cp1252": "Où est ma commande ? Ça fait déjà trois semaines…",
}
FORWARDED = "From: Bob <bob@example.net>\nSubject: Broken\nDate: 5 January 2026 at 10:00\nTo: Jo"
CALENDAR = "--a\r\nContent-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\nMETHOD:REPLY\r\n--a--"
SHAPES: list[tuple[dict[str, str], str, str]] = [
    ({}, "<html><body><p>Is it <b>open</b>?</p></body></html>", "Is it open?"),
    ({}, "I wrote <html> there.", "I wrote <html> there."),
    (
        {},
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nIs it open?\n- -- \nJo\n"
        "-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----",
        "Is it open?",
    ),
    ({}, "-----BEGIN PGP MESSAGE-----\n\nabc\n-----END PGP MESSAGE-----", "[Encrypted mail]"),
    ({"Content-Type": "text/enriched"}, "<bold>Is</bold> it open?", "Is it open?"),
    ({"Content-Type": "text/markdown; charset=utf-8"}, "**Is** it öpen?", "**Is** it öpen?"),
    (
        {"Content-Type": "text/html"},
        "<table><tr><td>Name</td><td>Ana</td></tr><tr><td>Order</td><td>7</td></tr></table>",
        "Name Ana\nOrder 7",
    ),
    (
        {"Content-Type": "text/html", "Subject": "Fwd: Broken"},
        '<p>See.</p><div class="gmail_quote"><div class="gmail_attr">From: Bob</div>Broken.</div>',
        "See.\n\nFrom: Bob\nBroken.",
    ),
    (
        REPLY | {"Content-Type": "text/html"},
        'Hi,<br><div class="moz-cite-prefix">Il 5/1/2026 10.00, Support ha scritto:</div>'
        '<blockquote type="cite"><p>How many?</p></blockquote>Forty.<br>'
        '<blockquote type="cite"><p>When?</p></blockquote>Friday.<br>',
        "Hi,\nForty.\nFriday.",
    ),
    (
        REPLY,
        "See:\n\nBegin forwarded message:\n\n> " + FORWARDED.replace("\n", "\n> ") + "\n>\n> No.",
        "See:\n\nBegin forwarded message:\n\n> " + FORWARDED.replace("\n", "\n> ") + "\n>\n> No.",
    ),
    (
        REPLY,
        "Bob <bob@example.org> said so on 5.1.2026\n> E-1042\nAnd now?",
        "Bob <bob@example.org>",
    ),
]


async def read(folder: Path, mails: list[bytes]) -> list[dict[str, Any]]:
    """Return the events that mails are."""
    database = Database()
    database.accounts = [SUPPORT]
    async with serve_functions(folder, database, EMAIL_WEBHOOK_TOKEN=TOKEN) as http:
        for mail in mails:
            kind = {"content-type": "message/rfc822"}
            answer = await http.post("/email", content=mail, headers=kind, auth=("", TOKEN))
            assert answer.status_code == 200, answer.text
    return [call["events"][0] for call in database.received]


async def test_attributions_go_in_every_language(tmp_path: Path) -> None:
    """With the quote below them, whether it is marked with ">", or stands there as it is."""
    quoted = [*ATTRIBUTIONS, *ABOVE_QUOTES, *WRAPPED]
    copied = [
        f"{who}: {WHO}\n{sent}: 5.1.2026 10:00\n{to}: Jo\n{subject}: Order"
        for who, sent, to, subject in COPIED
    ]
    bodies = [
        *(f"{NEW}\n\n{line}\n\n> {OLD}\n> {OLD}" for line in quoted),
        *(f"{NEW}\n\n{line}\n\n> {OLD}{SIGNED}" for line in quoted),
        *(f"{NEW}\n\n{line}\n\n{OLD}\n\n{OLD}" for line in [*ATTRIBUTIONS, *copied]),
    ]
    events = await read(tmp_path, [write(body, **REPLY) for body in bodies])

    for event, body in zip(events, bodies, strict=True):
        assert event["content"] == NEW, body


async def test_what_customers_quote_themselves_stays(tmp_path: Path) -> None:
    """A line with a date, or with an address, is not yet an attribution."""
    bodies = [
        f"Hello.\n\n{WHO} told me at 10:00 what follows.\n\n{NEW}",
        f"Jo Doe <jo@example.org>\n5.1.2026 10:00\n\nMy questions:\n\n{NEW}",
        f"On 5.1.2026 at 10:00 your shop wrote:\n\n{NEW}",
    ]
    events = await read(tmp_path, [write(body, **REPLY) for body in bodies])

    assert all(NEW in event["content"] for event in events)


async def test_the_number_of_a_choice_arrives_alone(tmp_path: Path) -> None:
    """The question's own numbered lines are quoted, in whatever way the program does that."""
    question = "Which of these do you mean?\n\n1. Returns\n2. Refunds\n3. None of these"
    marked = "\n".join(f"> {line}".rstrip() for line in question.splitlines())
    wrote = ATTRIBUTIONS[-1]
    markup = "<p>Which of these do you mean?</p><p>1. Returns<br>2. Refunds<br>3. None of these</p>"
    html = {"Content-Type": "text/html"}
    quoting: list[tuple[dict[str, str], str]] = [
        ({}, f"2\n\n{wrote}\n\n{marked}"),
        ({}, f"2\n\n{wrote}\n\n{question}"),
        ({}, f"2\n\n-- \nJo\nExample AS\n\n{wrote}\n{marked}"),
        ({}, f"2\n\nSent from my iPhone\n\n> On 5 Jan 2026, at 10:00, {WHO} wrote:\n>\n{marked}"),
        ({}, f"2\n\n________________\nFrom: {WHO}\nSent: 5.1.2026 10:00\nTo: Jo\n\n{question}"),
        ({}, f"{marked}\n\n2"),
        (
            html,
            '<div>2</div><div class="gmail_quote"><div class="gmail_attr">On 5.1.2026 at 10:00 '
            f'Support wrote:</div><blockquote class="gmail_quote">{markup}</blockquote></div>',
        ),
        (
            html,
            '<div>2</div><div id="appendonsend"></div><hr><div id="divRplyFwdMsg"><b>From:</b> '
            f"Support</div>{markup}",
        ),
    ]
    events = await read(tmp_path, [write(body, **REPLY | headers) for headers, body in quoting])

    for event, (_, body) in zip(events, quoting, strict=True):
        assert event["content"] == "2", body


async def test_a_charset_that_nobody_names_is_found(tmp_path: Path) -> None:
    """In the text and in raw subjects; what is mostly Latin is taken for windows-1252."""
    mails = [
        write("BODY", Subject="SUBJECT", Content_Type=kind)
        .replace(b"BODY", text.encode(charset))
        .replace(b"SUBJECT", text[:6].encode(charset))
        for charset, text in CHARSETS.items()
        for kind in ("text/plain", "text/plain; charset=us-ascii", "text/plain; charset=nonsense")
    ]
    mails.append(
        write("BODY", Content_Type="text/plain; charset=cp949").replace(b"BODY", b"\xc1\xd6")
    )
    events = await read(tmp_path, mails)

    texts = [text for text in CHARSETS.values() for _ in range(3)]
    for event, text in zip(events[:-1], texts, strict=True):
        assert event["content"] in (text, f"{text[:6]}\n\n{text}"), text
        assert event["metadata"]["subject"] == text[:6].strip()
    assert "주" in events[-1]["content"]


async def test_mails_of_odd_shapes_say_what_they_say(tmp_path: Path) -> None:
    """HTML called text, PGP's armour, tables, forwarded mails, kinds of text of their own."""
    mails = [write(body, **({"Subject": ""} | headers)) for headers, body, _ in SHAPES]
    events = await read(tmp_path, mails)

    for event, (_, body, expected) in zip(events, SHAPES, strict=True):
        assert event["content"].startswith(expected), body


async def test_parts_for_programs_are_no_files(tmp_path: Path) -> None:
    """AMP, a reaction that cannot be read, an answer to an invitation that does not name itself."""
    kind = {"Content_Type": "multipart/alternative; boundary=a"}
    parts = [
        ("text/x-amp-html", "<html amp4email>"),
        ("text/vnd.google.email-reaction+json", '{"emoji":'),
        ("text/calendar", "BEGIN:VCALENDAR\r\nMETHOD:REPLY"),
        ("message/global-delivery-status", "Reporting-MTA: dns; x\r\n\r\nAction: failed"),
    ]
    bodies = [
        f"--a\r\nContent-Type: text/plain\r\n\r\nHi\r\n"
        f"--a\r\nContent-Type: {name}\r\n\r\n{said}\r\n--a--"
        for name, said in parts
    ]
    mails = [write(body, **kind) for body in bodies]
    mails[-1] = write(
        bodies[-1],
        From="MAILER-DAEMON@example.org",
        References="<sent@example.com>",
        Content_Type="multipart/report; boundary=a",
    )
    amp, reaction, answer, report = await read(tmp_path, mails)

    assert "media" not in amp
    assert "media" not in reaction
    assert answer["metadata"]["not_answered"] == "calendar"
    assert (report["kind"], report["status"], report["id"]) == (
        "status",
        "failed",
        "<sent@example.com>",
    )


@pytest.mark.parametrize("broken", ["=ZZ", "50=%"])
async def test_broken_quoted_printable_stays_readable(tmp_path: Path, broken: str) -> None:
    text = base64.b64encode(b"unused").decode()
    mail = write(f"Gr=C3=BC=C3=9Fe {broken} {text}", Content_Transfer_Encoding="quoted-printable")
    [event] = await read(tmp_path, [mail])

    assert event["content"].endswith(f"Grüße {broken} {text}")
