"""Writes the mail of a delivery; what others chose, such as names, smuggles no header in."""

import html
import re
from collections.abc import Sequence
from datetime import datetime
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy

import idna

from romashka_worker.channels import ChannelError, Delivery, File

_MAX_REFERENCES = 20
_MAX_SUBJECT = 200
_ADDRESS = re.compile(r"[^\s<>@,;:\"()\[\]\\\x00-\x20\x7f]+@[^\s<>@,;:\"()\[\]\\\x00-\x20\x7f]+")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,900}>")  # no line of a mail is longer than 998
_MAX_LOCAL_PART = 64
_POSTMARK_MAX_VALUE = 80
_REPLY_PREFIX = re.compile(r"(re|aw|sv|antw|res|rif)\s*:", re.IGNORECASE)


class _MessageIds(UnstructuredHeader, BaseHeader):
    """Ids of messages, a line each: the standard folding would encode the long ones."""

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: {(policy.linesep + ' ').join(self.split())}{policy.linesep}"


_HEADERS = HeaderRegistry()
for _name in ("in-reply-to", "references", "x-pm-metadata-message-id"):
    _HEADERS.map_to_type(_name, _MessageIds)
# Seven bits go through every server; only an address can need more.
_POLICY = SMTP.clone(cte_type="7bit", header_factory=_HEADERS)


def write_mail(delivery: Delivery, attachments: Sequence[File], sent_at: datetime) -> EmailMessage:
    """Return the mail; the same delivery always has the same Message-ID.

    Raises:
        ChannelError: one of the addresses is none.
    """
    account, recipient = parse_address(delivery.account), parse_address(delivery.recipient)
    name = _one_line(delivery.configuration.get("sender_name"))
    mail = EmailMessage(_POLICY.clone(utf8=not f"{account}{recipient}".isascii()))
    mail["From"] = _with_name(name, account)
    mail["To"] = _with_name("", recipient)
    reply_address = _reply_address(delivery, account)
    mail["Reply-To"] = _with_name(name, reply_address)
    if _note(delivery) and reply_address != account:  # the address alone tells whose mails end
        mail["List-Unsubscribe"] = f"<mailto:{reply_address}?subject=stop>"
    mail["Subject"] = _subject(delivery, name or account)
    mail["Date"] = sent_at
    mail["Message-ID"] = message_id(delivery)
    _thread(mail, delivery)
    if delivery.sender_type == "ai":  # RFC 3834: other machines do not answer it
        mail["Auto-Submitted"] = "auto-replied"
        mail["X-Auto-Response-Suppress"] = "OOF, AutoReply"  # Exchange; its reports are welcome
    text, note = ("\n".join(said.splitlines()) for said in (delivery.content, _note(delivery)))
    mail.set_content(f"{text}\n\n-- \n{note}\n" if note else f"{text}\n")
    mail.add_alternative(_html(text, note), subtype="html")
    for file in attachments:
        _attach(mail, file)
    return mail


def mark_for_postmark(mail: EmailMessage, delivery: Delivery) -> None:
    """Have Postmark keep the Message-ID, and name it in what it posts about the mail."""
    mail["X-PM-KeepID"] = "true"
    known = {"message-id": message_id(delivery), "account": parse_address(delivery.account)}
    for name, value in known.items():
        if len(value) <= _POSTMARK_MAX_VALUE:  # it refuses the mail otherwise
            mail[f"X-PM-Metadata-{name}"] = value


def message_id(delivery: Delivery) -> str:
    """Return the id of a delivery's mail, at every attempt the same: many drop the second."""
    return f"<{delivery.id}@{parse_address(delivery.account).rpartition('@')[2]}>"


def parse_address(address: str) -> str:
    """Return an address as servers take it: its host in ASCII.

    Raises:
        ChannelError: it is none.
    """
    local, _, host = address.strip().rpartition("@")
    try:
        host = host if host.isascii() else idna.encode(host, uts46=True).decode()
    except idna.IDNAError as error:
        raise _bad_address() from error
    if not _ADDRESS.fullmatch(parsed := f"{local}@{host}"):
        raise _bad_address()
    return parsed


def _bad_address() -> ChannelError:
    return ChannelError("failed", "bad_address", "this is no address that mail can be sent to")


def _with_name(name: str, address: str) -> Address:
    local, _, host = address.rpartition("@")
    return Address(name, local, host)


def _one_line(text: object) -> str:
    """Return a text without line breaks and what else has no place in a header."""
    words = re.split(r"[\s\x00-\x1f\x7f-\x9f]+", text if isinstance(text, str) else "")
    return " ".join(words).strip()[:_MAX_SUBJECT]


# ---- the thread


def _subject(delivery: Delivery, otherwise: str) -> str:
    subject = _one_line(delivery.thread.get("subject"))
    if not subject:
        return otherwise
    return subject if _REPLY_PREFIX.match(subject) else f"Re: {subject}"


def _reply_address(delivery: Delivery, account: str) -> str:
    """Return where an answer tells its conversation by the address alone, if the server can."""
    token = _one_line(delivery.thread.get("reply_token")) or delivery.conversation_id
    local, _, host = account.rpartition("@")
    tagged = f"{local}+{token}"
    if delivery.configuration.get("plus_addressing") is False or len(tagged) > _MAX_LOCAL_PART:
        return account
    return parse_address(f"{tagged}@{host}")


def _thread(mail: EmailMessage, delivery: Delivery) -> None:
    told = delivery.thread.get("references")  # of the mail that is answered, the newest first
    told = reversed(told) if isinstance(told, list) else ()
    references = _message_ids(" ".join(map(str, told)))
    answered = _message_ids(delivery.reply_to or "")[-1:] or references[-1:]
    if not answered:
        return
    references = [one for one in references if one not in answered] + answered
    if len(references) > _MAX_REFERENCES:  # the first one names the thread
        references = references[:1] + references[1 - _MAX_REFERENCES :]
    mail["In-Reply-To"] = answered[0]
    mail["References"] = " ".join(references)


def _message_ids(text: str) -> list[str]:
    return list(dict.fromkeys(_MESSAGE_ID.findall(text)))


# ---- the body


def _note(delivery: Delivery) -> str:
    """Return what stands below a mail whose reader did not write to us by mail: why they get it."""
    return str(delivery.thread.get("note") or "")


def _html(text: str, note: str = "") -> str:
    paragraphs = [part for part in re.split(r"\n{2,}", html.escape(text)) if part.strip()]
    lines = ['<p dir="auto">' + part.replace("\n", "<br>\n") + "</p>" for part in paragraphs]
    if note:
        lines.append(f'<hr>\n<p dir="auto"><small>{html.escape(note)}</small></p>')
    head = '<!doctype html>\n<html><head><meta charset="utf-8"></head><body>\n'
    return head + "\n".join(lines) + "\n</body></html>\n"


def _attach(mail: EmailMessage, file: File) -> None:
    kind, _, subtype = file.mime_type.partition("/")
    name = re.sub(r'[/\\"]', "_", _one_line(file.name)) or "attachment"
    mail.add_attachment(file.content, kind, subtype, filename=name)
