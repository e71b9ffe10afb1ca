"""What the Graph API is sent for a message: the loopback one refuses all that Meta would."""

from typing import Any

import pytest
from romashka_worker.channels import Channel, ChannelError, Media, Sent

from tests.channels.deliveries import delivery, file
from tests.channels.graph import TOKEN, Graph
from tests.channels.graph_rules import problem_with

LATE = {"send_window": "template"}
TEMPLATE = {"name": "follow_up", "language": "de"}


async def send(channel: Channel, channel_type: str, **changes: Any) -> list[Sent]:
    """Send all parts of a message."""
    sending = delivery(channel_type, **changes)
    return [await channel.send(sending, part, TOKEN) for part in channel.split(sending)]


def refusal(channel: Channel, channel_type: str, **changes: Any) -> tuple[str, str]:
    """Return why a message is not even tried."""
    with pytest.raises(ChannelError) as raised:
        channel.split(delivery(channel_type, **changes))
    return raised.value.trouble, raised.value.code


async def test_a_whatsapp_text_answers_the_customers_message(
    graph: Graph, channels: dict[str, Channel]
) -> None:
    """The reference comes back with its statuses, and settles what a crash left in doubt."""
    sent = await send(channels["whatsapp"], "whatsapp", reply_to="wamid.asked")
    [accepted] = graph.accepted

    assert sent == [Sent(accepted.id, ("15550100",))]
    assert accepted.body["text"] == {"preview_url": False, "body": "It is an inbox."}
    assert accepted.body["context"] == {"message_id": "wamid.asked"}
    assert accepted.reference == f"{delivery().id}:0"
    assert TOKEN not in graph.calls[0].path


async def test_a_long_whatsapp_text_is_several_messages(
    graph: Graph, channels: dict[str, Channel]
) -> None:
    """In order, each with a reference of its own, and one of them the answer."""
    text = "It is an inbox for a team. " * 400
    await send(channels["whatsapp"], "whatsapp", content=text, reply_to="wamid.asked")

    assert len(graph.accepted) == 3
    assert " ".join(accepted.text for accepted in graph.accepted) == text.strip()
    assert len({accepted.reference for accepted in graph.accepted}) == 3
    assert ["context" in accepted.body for accepted in graph.accepted] == [True, False, False]


@pytest.mark.parametrize(
    ("media", "content"),
    [
        (file(), {"type": "image", "caption": "Look."}),
        (file("image/png", size=9_000_000), {"type": "document", "filename": "broken.png"}),
        (file("video/mp4"), {"type": "video", "caption": "Look."}),
        (file("application/pdf"), {"type": "document", "filename": "broken.png"}),
    ],
)
async def test_a_whatsapp_file_has_the_text_under_it(
    graph: Graph, channels: dict[str, Channel], media: Media, content: dict[str, str]
) -> None:
    """As what a phone can show, where it can: Meta's servers fetch it from a signed address."""
    await send(channels["whatsapp"], "whatsapp", content="Look.", media=(media,))
    [accepted] = graph.accepted
    sent = accepted.body[accepted.body["type"]] | {"type": accepted.body["type"]}

    assert content.items() <= sent.items()
    assert sent["caption"] == "Look."


async def test_a_text_that_is_no_caption_goes_before_the_whatsapp_files(
    graph: Graph, channels: dict[str, Channel]
) -> None:
    """A caption has 1,024 characters, and a voice message none."""
    await send(channels["whatsapp"], "whatsapp", content="x" * 1025, media=(file(), file()))
    await send(channels["whatsapp"], "whatsapp", media=(file("audio/ogg; codecs=opus"),))

    kinds = [accepted.body["type"] for accepted in graph.accepted]
    assert kinds == ["text", "image", "image", "text", "audio"]


async def test_after_a_day_the_text_goes_into_the_accounts_template(
    graph: Graph, channels: dict[str, Channel]
) -> None:
    """Meta takes nothing else then, and no line breaks in it."""
    configuration = {"template": TEMPLATE}
    text = "Your parcel\n\n\tis      here."
    await send(channels["whatsapp"], "whatsapp", **LATE, configuration=configuration, content=text)

    assert graph.accepted[0].body["template"] == {
        "name": "follow_up",
        "language": {"code": "de"},
        "components": [
            {"type": "body", "parameters": [{"type": "text", "text": "Your parcel is here."}]}
        ],
    }


async def test_a_message_may_bring_its_own_template(
    graph: Graph, channels: dict[str, Channel]
) -> None:
    """Staff, or a program, chose it and filled it."""
    template = TEMPLATE | {"components": []}
    await send(
        channels["whatsapp"], "whatsapp", **LATE, metadata={"template": template}, content=""
    )

    assert graph.accepted[0].body["template"]["components"] == []


async def test_what_is_no_template_is_none(graph: Graph, channels: dict[str, Channel]) -> None:
    """Staff may write anything there; the customer gets the text all the same."""
    await send(channels["whatsapp"], "whatsapp", metadata={"template": "follow_up"})

    assert graph.accepted[0].body["type"] == "text"


def test_what_fits_no_template_fails_before_it_is_sent(channels: dict[str, Channel]) -> None:
    """The agent is told why, and may call the customer instead."""
    whatsapp, configuration = channels["whatsapp"], {"template": TEMPLATE}
    late = LATE | {"configuration": configuration}

    assert refusal(whatsapp, "whatsapp", **LATE) == ("failed", "window_closed")
    assert refusal(whatsapp, "whatsapp", **late, media=(file(),)) == ("failed", "window_closed")
    assert refusal(whatsapp, "whatsapp", **late, content="x" * 1025) == ("failed", "too_long")
    assert refusal(whatsapp, "whatsapp", content=" ") == ("failed", "empty")


async def test_an_instagram_text_is_split_at_1000_bytes(
    graph: Graph, channels: dict[str, Channel]
) -> None:
    """Letters of most scripts have two bytes or more."""
    text = "Это единый ящик для команды. " * 40
    sent = await send(channels["instagram"], "instagram", content=text)

    assert [one.external_id for one in sent] == [accepted.id for accepted in graph.accepted]
    assert " ".join(accepted.text for accepted in graph.accepted) == text.strip()
    assert graph.accepted[0].body["messaging_type"] == "RESPONSE"


async def test_an_agents_late_instagram_message_has_the_tag(
    graph: Graph, channels: dict[str, Channel]
) -> None:
    """Within seven days a human may still answer; with the tag alone Meta takes it."""
    await send(channels["instagram"], "instagram", send_window="human_agent")

    assert graph.accepted[0].body["tag"] == "HUMAN_AGENT"


async def test_instagram_files_follow_the_text(graph: Graph, channels: dict[str, Channel]) -> None:
    """It knows no captions."""
    media = (file("image/jpeg"), file("application/pdf"))
    await send(channels["instagram"], "instagram", media=media)
    kinds = [a.body["message"].get("attachment", {}).get("type") for a in graph.accepted]

    assert kinds == [None, "image", "file"]
    assert refusal(channels["instagram"], "instagram", media=(file("text/csv"),)) == (
        "failed",
        "bad_media",
    )


async def test_receipts_mark_as_read_and_show_typing(
    graph: Graph, channels: dict[str, Channel]
) -> None:
    """While the AI answers; when a human has read it, nobody types yet."""
    for channel_type, channel in channels.items():
        for is_typing in (True, False):
            receipt = delivery(channel_type, kind="receipt", reply_to="id", is_typing=is_typing)
            await channel.acknowledge(receipt, TOKEN)

    read = {"messaging_product": "whatsapp", "status": "read", "message_id": "id"}
    customer = {"recipient": {"id": "200000000000200"}}
    assert graph.receipts == [
        read | {"typing_indicator": {"type": "text"}},
        read,
        customer | {"sender_action": "mark_seen"},
        customer | {"sender_action": "typing_on"},
        customer | {"sender_action": "mark_seen"},
    ]


async def test_a_file_that_a_customer_sent_is_fetched(
    graph: Graph, channels: dict[str, Channel]
) -> None:
    """WhatsApp tells its address for its id, and gives it to the token's owner alone."""
    graph.files["300"] = (b"a photo", "image/jpeg")
    media = Media("300", None, None, "image/jpeg", "photo.jpg", None)
    fetched = await channels["whatsapp"].fetch(delivery(kind="media"), media, TOKEN)

    assert (fetched.content, fetched.mime_type) == (b"a photo", "image/jpeg")


async def test_a_files_id_leads_to_nothing_else(graph: Graph, channels: dict[str, Channel]) -> None:
    """Whoever owns an account could have the worker ask for anything, with the token of all."""
    graph.files["300"] = (b"a photo", "image/jpeg")
    for forged in ("300?fields=url&x=", "me/../300", "300#"):
        media = Media(forged, None, None, "image/jpeg", "photo.jpg", None)
        with pytest.raises(ChannelError):
            await channels["whatsapp"].fetch(delivery(kind="media"), media, TOKEN)


@pytest.mark.parametrize(
    ("channel_type", "changes"),
    [
        ("whatsapp", {"text": {"body": "x" * 4097}}),
        ("whatsapp", {"text": {"body": ""}}),
        ("whatsapp", {"text": {"body": "one", "colour": "red"}}),
        ("whatsapp", {"to": "somebody"}),
        ("whatsapp", {"type": "image"}),
        ("whatsapp", {"biz_opaque_callback_data": "x" * 513}),
        ("instagram", {"message": {"text": "ö" * 501}}),
        ("instagram", {"tag": "HUMAN_AGENT"}),
        ("instagram", {"recipient": {"username": "somebody"}}),
    ],
)
async def test_the_loopback_graph_api_refuses_what_meta_would(
    graph: Graph, channels: dict[str, Channel], channel_type: str, changes: dict[str, Any]
) -> None:
    """Otherwise no test here would notice it."""
    await send(channels[channel_type], channel_type)
    good = graph.accepted[0].body

    assert problem_with(channel_type, good) is None
    assert problem_with(channel_type, good | changes)
