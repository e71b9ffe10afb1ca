"""A question with choices on Meta's channels: what a phone shows, and what comes back from it."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb
from romashka_worker.channels import Channel, ChannelError, Delivery
from romashka_worker.channels.text import count_units, shorten
from romashka_worker.choices import button_text

from tests.channels.account import Account, delivering, open_account, sent_by
from tests.channels.arrived import Database, jobs_of, messages_of
from tests.channels.deliveries import delivery, file
from tests.channels.graph import TOKEN, Graph, accepts, refuses, resets
from tests.channels.graph_rules import problem_with
from tests.channels.meta import Meta, Payload, direct, event, instagram, message, messages, whatsapp
from tests.support.stacks import RunningStack
from tests.support.waiting import becomes

ID = f"choice:{delivery().message_id}"
SHORT = ("Returns", "Refunds", "None of these")
LONG = (
    "How do I return an item that I bought in one of your shops?",
    "How do I return an item that I bought online, when it came broken and without its box?",
    "None of these",
)


def asking(
    labels: tuple[str, ...], channel_type: str = "whatsapp", above: str = "Which?", **changes: Any
) -> Delivery:
    """Return the delivery of a question, whose text is as the AI writes it."""
    lines = "\n".join(f"{number}. {label}" for number, label in enumerate(labels, 1))
    choices = [{"label": label, "item_id": None} for label in labels]
    question = {
        "sender_type": "ai",
        "content": f"{above}\n\n{lines}",
        "metadata": {"choices": choices, "language": "de"},
    }
    return delivery(channel_type, **question | changes)


async def send(channels: dict[str, Channel], sending: Delivery) -> None:
    """Send all parts of a message."""
    channel = channels[sending.channel_type]
    for part in channel.split(sending):
        await channel.send(sending, part, TOKEN)


async def test_short_choices_are_whatsapp_buttons(
    graph: Graph, channels: dict[str, Channel]
) -> None:
    """One tap; a delivery like any other, which answers and is known by its statuses."""
    sending = asking(SHORT, reply_to="wamid.asked")
    await send(channels, sending)
    (accepted,) = graph.accepted

    assert accepted.body["interactive"]["type"] == "button"
    assert accepted.text == sending.content
    assert accepted.options == {title: f"{ID}:{n}" for n, title in enumerate(SHORT, 1)}
    assert accepted.body["context"] == {"message_id": "wamid.asked"}
    assert accepted.reference == f"{sending.id}:0"


async def test_long_choices_are_a_whatsapp_list(graph: Graph, channels: dict[str, Channel]) -> None:
    """A row's title has room for 24 characters; what it means is below it."""
    sending = asking(LONG)
    await send(channels, sending)
    (accepted,) = graph.accepted
    action = accepted.body["interactive"]["action"]

    assert accepted.body["interactive"]["type"] == "list"
    assert accepted.text == sending.content
    assert action["button"] == "Auswählen"
    assert action["sections"] == [
        {
            "rows": [
                {"id": f"{ID}:1", "title": "1. How do I return an i…", "description": LONG[0]},
                {
                    "id": f"{ID}:2",
                    "title": "2. How do I return an i…",
                    "description": LONG[1][:71] + "…",
                },
                {"id": f"{ID}:3", "title": "3. None of these", "description": "None of these"},
            ]
        }
    ]


@pytest.mark.parametrize(
    ("sending", "kind", "titles"),
    [
        (asking(("Returns", "Refunds", "Repairs", "None")), "list", 4),
        (asking(("Returns", "None")), "button", 2),
        (asking(("x" * 20, "None of these")), "button", 2),
        (asking(("x" * 21, "None of these")), "list", 2),
        (asking(("😀" * 11, "None of these")), "list", 2),
        (asking(("Returns", "returns", "None of these")), "button", 3),
        (asking(("Re\nturns", " Refunds ", "None")), "button", 3),
        (asking(SHORT, above="x" * 1000), "list", 3),
        (asking(SHORT, above="x" * 4090), "text", 0),
        (asking(SHORT, sender_type="agent"), "text", 0),
        (asking(SHORT, metadata={"choices": "Returns"}), "text", 0),
        (asking(SHORT, metadata={"choices": ["Returns", {"label": 7}]}), "text", 0),
        (asking((" ", "None of these")), "text", 0),
        (asking(SHORT, metadata={}), "text", 0),
        (asking(SHORT, media=(file(),)), "image", 0),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
async def test_whatsapp_shows_what_it_can(
    graph: Graph, channels: dict[str, Channel], sending: Delivery, kind: str, titles: int
) -> None:
    """Of a form that Meta refuses the customer would see nothing; the lines are in the text."""
    await send(channels, sending)
    accepted = graph.accepted[0]

    assert accepted.body.get("interactive", accepted.body)["type"] == kind
    assert len(accepted.options) == titles


async def test_after_a_day_a_question_goes_into_the_template(
    graph: Graph, channels: dict[str, Channel]
) -> None:
    """Meta takes nothing else then."""
    template = {"template": {"name": "follow_up", "language": "de"}}
    await send(channels, asking(SHORT, send_window="template", configuration=template))
    (accepted,) = graph.accepted

    assert (accepted.body["type"], accepted.options) == ("template", {})


async def test_choices_are_instagrams_quick_replies(
    graph: Graph, channels: dict[str, Channel]
) -> None:
    """They are below the newest message alone: of a long text, below its last part."""
    short, long = asking(SHORT, "instagram"), asking(LONG, "instagram", above="Word. " * 200)
    await send(channels, short)
    await send(channels, long)
    await send(channels, asking(SHORT, "instagram", media=(file(),)))
    one, first, last, *with_file = graph.accepted

    assert one.text == short.content
    assert one.options == {title: f"{ID}:{n}" for n, title in enumerate(SHORT, 1)}
    assert first.options == {}
    assert list(last.options.items()) == [
        ("1. How do I return…", f"{ID}:1"),
        ("2. How do I return…", f"{ID}:2"),
        ("3. None of these", f"{ID}:3"),
    ]
    assert [sent.options for sent in with_file] == [{}, {}]


@pytest.mark.parametrize("channel_type", ["whatsapp", "instagram"])
async def test_a_form_that_is_refused_goes_as_text_once(
    graph: Graph, channels: dict[str, Channel], channel_type: str
) -> None:
    """Meta changes what it takes; its numbered lines are all that an answer needs."""
    sending = asking(SHORT, channel_type)
    graph.will(refuses(131009 if channel_type == "whatsapp" else 100), accepts)
    await send(channels, sending)
    (accepted,) = graph.accepted
    graph.will(refuses(100), refuses(100), accepts)
    with pytest.raises(ChannelError) as refused:
        await send(channels, sending)

    assert (accepted.text, accepted.options) == (sending.content, {})
    assert (refused.value.trouble, refused.value.code) == ("failed", "bad_request")
    assert len(graph.accepted) == 1


@pytest.mark.parametrize("channel_type", ["whatsapp", "instagram"])
@pytest.mark.parametrize("behaviour", [refuses(131026), refuses(131000, status=500), resets])
async def test_what_is_refused_for_other_reasons_is_not_sent_again_as_text(
    graph: Graph, channels: dict[str, Channel], channel_type: str, behaviour: Any
) -> None:
    """A customer who cannot be reached is not reached by another form, and a doubt makes two."""
    graph.will(behaviour, accepts)
    with pytest.raises(ChannelError):
        await send(channels, asking(SHORT, channel_type))

    assert graph.accepted == []


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=60))
def test_a_title_is_cut_where_a_letter_ends(label: str) -> None:
    """However Meta counts, it is not too long, and it begins as the label does."""
    title = shorten(label, 20, count_units)

    assert 0 < count_units(title) <= 20
    assert title == label or (title.endswith("…") and label.startswith(title[:-1]))


def test_the_button_of_a_list_speaks_the_customers_language() -> None:
    """Where the message does not say which it is, its last choice does."""
    assert button_text("de-AT", "None of these") == "Auswählen"
    assert button_text(None, "Aucune de celles-ci") == "Choisir"
    assert button_text("xx", "?") == button_text(None, "?") == "Choose"


@pytest.mark.parametrize(
    "changes",
    [
        {"action": {"buttons": []}},
        {"action": {"buttons": [{"type": "reply", "reply": {"id": "1", "title": "x" * 21}}]}},
        {"action": {"buttons": [{"type": "reply", "reply": {"id": "1", "title": ""}}]}},
        {"action": {"buttons": [{"type": "reply", "reply": {"id": "1", "title": "Same"}}] * 2}},
        {"body": {"text": "x" * 1025}},
        {"type": "list"},
        {"type": "list", "action": {"button": "x" * 21, "sections": []}},
        {
            "type": "list",
            "action": {
                "button": "Choose",
                "sections": [{"rows": [{"id": "1", "title": "x" * 25}]}],
            },
        },
    ],
)
async def test_the_loopback_graph_api_refuses_wrong_questions(
    graph: Graph, channels: dict[str, Channel], changes: dict[str, Any]
) -> None:
    """Otherwise no test here would notice them."""
    await send(channels, asking(SHORT))
    good = graph.accepted[0].body

    assert problem_with("whatsapp", good) is None
    assert problem_with("whatsapp", good | {"interactive": good["interactive"] | changes})


# ---- there and back


def tapped(account: Account, title: str, id_: str, description: str | None = None) -> Payload:
    """Return the webhook of a tap, as Meta sends it."""
    if account.channel_type == "instagram":
        answer = direct(text=title, quick_reply={"payload": id_})
        return instagram(account.id, event(account.id, account.customer, **answer))
    kind = "button_reply" if description is None else "list_reply"
    reply = {"id": id_, "title": title} | ({"description": description} if description else {})
    return whatsapp(account.id, messages(message("interactive", {"type": kind, kind: reply})))


def ask(inbox: Database, account: Account, sending: Delivery) -> str:
    """Write a question as settling a turn does, with no turn that could be late; return its id."""
    row = inbox.execute(
        "insert into public.messages"
        " (conversation_id, sender_type, content, channel_type, metadata)"
        " values (%s, 'ai', %s, %s, %s) returning id::text",
        [
            account.conversation_id,
            sending.content,
            sending.channel_type,
            Jsonb(sending.metadata),
        ],
    ).fetchone()
    assert row is not None
    return str(row["id"])


@pytest.mark.parametrize("channel_type", ["whatsapp", "instagram"])
@pytest.mark.parametrize("labels", [SHORT, LONG], ids=["short", "long"])
async def test_a_tap_is_the_choice_that_it_shows(
    stack: RunningStack,
    meta: Meta,
    inbox: Database,
    graph: Graph,
    channel_type: str,
    labels: tuple[str, ...],
) -> None:
    """The team reads the whole label, and a second tap is seen and changes nothing."""
    sending = asking(labels, channel_type)
    async with open_account(stack, channel_type) as account:
        asked = ask(inbox, account, sending)
        async with delivering(stack, graph):
            await becomes(lambda: sent_by(graph, account))
        taps = list(sent_by(graph, account)[0].options.items())
        for title, id_ in (taps[1], taps[0]):
            description = labels[int(id_[-1]) - 1][:72] if title not in labels else None
            answer = meta.post(channel_type, tapped(account, title, id_, description))
            assert answer.json()["outcomes"] == {"stored": 1}
    _, chosen, late = messages_of(inbox, account.id)

    assert (chosen["content"], late["content"]) == (labels[1], labels[0])
    assert chosen["metadata"]["choice"] == {"message_id": asked, "number": 2}
    assert late["metadata"]["choice"] == chosen["metadata"]["choice"] | {
        "number": 1,
        "is_late": True,
    }
    assert len(jobs_of(inbox, account.id)) == 1


@pytest.mark.parametrize("channel_type", ["whatsapp", "instagram"])
async def test_a_tap_on_a_question_of_another_conversation_is_a_message(
    stack: RunningStack, meta: Meta, inbox: Database, channel_type: str
) -> None:
    """What it says is answered as if it had been written, with as much of the label as came."""
    async with open_account(stack, channel_type) as account:
        meta.post(channel_type, tapped(account, "How do I return…", f"{ID}:1", LONG[0]))
        _, stored = messages_of(inbox, account.id)

    assert stored["content"] == (LONG[0] if channel_type == "whatsapp" else "How do I return…")
    assert "choice" not in stored["metadata"]
    assert len(jobs_of(inbox, account.id)) == 1
