"""`Romashka`: the same surface as `AsyncRomashka`, for programs without an event loop."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Self

import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal
from supabase import Client, ClientOptions

from romashka._attachments import Attachments as AsyncAttachments
from romashka._business_hours import BusinessHoursOfChannels as AsyncBusinessHoursOfChannels
from romashka._client import TIMEOUT, AsyncRomashka, tls_context
from romashka._colleagues import Colleagues as AsyncColleagues
from romashka._conversation import Conversation as AsyncConversation
from romashka._conversations import Conversations as AsyncConversations
from romashka._facade import Facade, forward, iterate, manage
from romashka._identity import Identity as AsyncIdentity
from romashka._inbox import ConversationChanged as AsyncConversationChanged
from romashka._inbox import DeliveryFailed, NoteCreated, NoteRemoved
from romashka._inbox import Inbox as AsyncInbox
from romashka._knowledge import Knowledge as AsyncKnowledge
from romashka._levels import FigurePage, FigureRow
from romashka._listener import Listener as AsyncListener
from romashka._listener import Signal
from romashka._message_drafts import Drafts as AsyncDrafts
from romashka._metrics import Metrics as AsyncMetrics
from romashka._models import ConversationDetails
from romashka._presence import Presence as AsyncPresence
from romashka._saved_replies import SavedReplies as AsyncSavedReplies
from romashka._search import SearchHit, SearchPage
from romashka._team import Team as AsyncTeam
from romashka._topics import Topics as AsyncTopics
from romashka._widget import Widget as AsyncWidget


class Presence(Facade[AsyncPresence]):
    """One's own presence in a conversation, and the others'."""

    typing = forward(AsyncPresence.typing)
    stopped_typing = forward(AsyncPresence.stopped_typing)
    people = iterate(AsyncPresence.people)


@dataclass(frozen=True, slots=True)
class Conversation(ConversationDetails):
    """One conversation, as it was when it was read, and what can be done with it."""

    _twin: AsyncConversation = field(repr=False, compare=False)
    _portal: BlockingPortal = field(repr=False, compare=False)

    @classmethod
    def of(cls, twin: AsyncConversation, portal: BlockingPortal) -> Self:
        """Return the sync side of an async conversation."""
        details = {name.name: getattr(twin, name.name) for name in fields(ConversationDetails)}
        return cls(**details, _twin=twin, _portal=portal)

    messages = forward(AsyncConversation.messages)
    send = forward(AsyncConversation.send)
    choose = forward(AsyncConversation.choose)
    ask = forward(AsyncConversation.ask)
    stream = iterate(AsyncConversation.stream)
    events = iterate(AsyncConversation.events)
    live = iterate(AsyncConversation.live)
    presence = manage(AsyncConversation.presence, Presence)
    take_over = forward(AsyncConversation.take_over)
    return_to_ai = forward(AsyncConversation.return_to_ai)
    resolve = forward(AsyncConversation.resolve)
    assign = forward(AsyncConversation.assign)
    set_priority = forward(AsyncConversation.set_priority)
    tag = forward(AsyncConversation.tag)
    reopen = forward(AsyncConversation.reopen)
    explain = forward(AsyncConversation.explain)
    mark_read = forward(AsyncConversation.mark_read)
    rate = forward(AsyncConversation.rate)
    leave_address = forward(AsyncConversation.leave_address)
    add_note = forward(AsyncConversation.add_note)
    notes = forward(AsyncConversation.notes)
    remove_note = forward(AsyncConversation.remove_note)
    deliveries = forward(AsyncConversation.deliveries)
    metrics = forward(AsyncConversation.metrics)

    def refresh(self) -> "Conversation":
        """Return the conversation as it is now."""
        return _refresh(self)


_refresh = forward(AsyncConversation.refresh, Conversation.of)


def _each(twins: list[AsyncConversation], portal: BlockingPortal) -> list[Conversation]:
    return [Conversation.of(twin, portal) for twin in twins]


class Conversations(Facade[AsyncConversations]):
    """`client.conversations`."""

    create = forward(AsyncConversations.create, Conversation.of)
    get = forward(AsyncConversations.get, Conversation.of)
    list = forward(AsyncConversations.list, _each)


@dataclass(frozen=True, slots=True)
class ConversationChanged:
    """A conversation is new, or something about it changed; this is its state."""

    conversation: Conversation

    @classmethod
    def of(cls, twin: AsyncConversationChanged, portal: BlockingPortal) -> Self:
        """Return the sync side of an async event."""
        return cls(Conversation.of(twin.conversation, portal))


Passing = DeliveryFailed | NoteCreated | NoteRemoved


def _inbox_event(
    twin: AsyncConversationChanged | Passing, portal: BlockingPortal
) -> ConversationChanged | Passing:
    if isinstance(twin, AsyncConversationChanged):
        return ConversationChanged.of(twin, portal)
    return twin


def _search_page(
    twin: SearchPage[AsyncConversation], portal: BlockingPortal
) -> SearchPage[Conversation]:
    hits = [
        SearchHit(
            hit.kind,
            Conversation.of(hit.conversation, portal),
            hit.excerpt,
            hit.message_id,
            hit.position,
            hit.sender_type,
            hit.created_at,
        )
        for hit in twin.hits
    ]
    return SearchPage(tuple(hits), twin.next)


class Colleagues(Facade[AsyncColleagues]):
    """Oneself among the team."""

    look = forward(AsyncColleagues.look)
    typing = forward(AsyncColleagues.typing)
    people = iterate(AsyncColleagues.people)


class Inbox(Facade[AsyncInbox]):
    """`client.inbox`; for staff."""

    counts = forward(AsyncInbox.counts)
    events = iterate(AsyncInbox.events, ConversationChanged.of)
    live = iterate(AsyncInbox.live, _inbox_event)
    search = forward(AsyncInbox.search, _search_page)
    colleagues = manage(AsyncInbox.colleagues, Colleagues)


class Attachments(Facade[AsyncAttachments]):
    """`client.attachments`."""

    upload = forward(AsyncAttachments.upload)
    download = forward(AsyncAttachments.download)
    signed_url = forward(AsyncAttachments.signed_url)


class Knowledge(Facade[AsyncKnowledge]):
    """`client.knowledge`; for staff."""

    search = forward(AsyncKnowledge.search)
    list = forward(AsyncKnowledge.list)
    add = forward(AsyncKnowledge.add)
    update = forward(AsyncKnowledge.update)
    remove = forward(AsyncKnowledge.remove)


def _figure_page(
    twin: FigurePage[AsyncConversation], portal: BlockingPortal
) -> FigurePage[Conversation]:
    rows = [
        FigureRow(
            Conversation.of(row.conversation, portal),
            row.turn_id,
            row.started_at,
            row.outcome,
            row.reason,
            row.answer_ms,
            row.turns,
        )
        for row in twin.rows
    ]
    return FigurePage(tuple(rows), twin.next)


class Metrics(Facade[AsyncMetrics]):
    """`client.metrics`; for staff."""

    service_level = forward(AsyncMetrics.service_level)
    service_level_over_time = forward(AsyncMetrics.service_level_over_time)
    conversations_behind = forward(AsyncMetrics.conversations_behind, _figure_page)


class Drafts(Facade[AsyncDrafts]):
    """`client.drafts`; for staff, each of whom has their own."""

    list = forward(AsyncDrafts.list)
    save = forward(AsyncDrafts.save)
    events = iterate(AsyncDrafts.events)


class SavedReplies(Facade[AsyncSavedReplies]):
    """`client.saved_replies`; for staff."""

    list = forward(AsyncSavedReplies.list)
    add = forward(AsyncSavedReplies.add)
    update = forward(AsyncSavedReplies.update)
    remove = forward(AsyncSavedReplies.remove)


class Team(Facade[AsyncTeam]):
    """`client.team`; staff see who is there, admins change it."""

    list = forward(AsyncTeam.list)
    set_role = forward(AsyncTeam.set_role)
    invite = forward(AsyncTeam.invite)
    invitations = forward(AsyncTeam.invitations)
    revoke = forward(AsyncTeam.revoke)


class BusinessHoursOfChannels(Facade[AsyncBusinessHoursOfChannels]):
    """`client.business_hours`; staff read them, admins write them."""

    list = forward(AsyncBusinessHoursOfChannels.list)
    set = forward(AsyncBusinessHoursOfChannels.set)
    remove = forward(AsyncBusinessHoursOfChannels.remove)


class Widget(Facade[AsyncWidget]):
    """`client.widget`; everybody reads its settings, admins change them."""

    settings = forward(AsyncWidget.settings)
    update = forward(AsyncWidget.update)


class Identity(Facade[AsyncIdentity]):
    """`client.identity`; sessions become who the page signs, admins have the secret."""

    identify = forward(AsyncIdentity.identify)
    sign_out = forward(AsyncIdentity.sign_out)
    offer_conversations = forward(AsyncIdentity.offer_conversations)
    bring_conversations = forward(AsyncIdentity.bring_conversations)
    rotate_secret = forward(AsyncIdentity.rotate_secret)
    secrets = forward(AsyncIdentity.secrets)
    revoke_secret = forward(AsyncIdentity.revoke_secret)


class Listener(Facade[AsyncListener]):
    """What one reader of a topic has not seen yet; iterate over it."""

    _next = forward(AsyncListener.__anext__)

    @property
    def is_live(self) -> bool:
        """Is the topic subscribed at the moment?"""
        return self._twin.is_live

    @property
    def trouble(self) -> str | None:
        """Why the topic is not subscribed, where that is known; it is tried again."""
        return self._twin.trouble

    def __iter__(self) -> Iterator[Signal]:
        while True:
            yield self._next()


class Topics(Facade[AsyncTopics]):
    """Private broadcast topics, kept subscribed."""

    listen = manage(AsyncTopics.listen, Listener)


class Romashka(Facade[AsyncRomashka]):
    """A connection to one Romashka project.

    Example:
        with Romashka.connect(url, anon_key) as client:
            client.sign_in_anonymously()
            conversation = client.conversations.create("visitor-17")
            answer = conversation.ask("What is Romashka?")
            print(answer.content)
    """

    def __init__(self, twin: AsyncRomashka, portal: BlockingPortal, http: httpx.Client) -> None:
        super().__init__(twin, portal)
        self._http = http
        self.topics = Topics(twin.topics, portal)
        self.conversations = Conversations(twin.conversations, portal)
        self.inbox = Inbox(twin.inbox, portal)
        self.attachments = Attachments(twin.attachments, portal)
        self.knowledge = Knowledge(twin.knowledge, portal)
        self.metrics = Metrics(twin.metrics, portal)
        self.drafts = Drafts(twin.drafts, portal)
        self.saved_replies = SavedReplies(twin.saved_replies, portal)
        self.team = Team(twin.team, portal)
        self.widget = Widget(twin.widget, portal)
        self.identity = Identity(twin.identity, portal)
        self.business_hours = BusinessHoursOfChannels(twin.business_hours, portal)

    @classmethod
    @contextmanager
    def connect(cls, url: str, key: str) -> Iterator[Self]:
        """Open a client for the project at `url`; nothing is sent before the first call.

        Args:
            url: the project's URL, as `supabase status` shows it.
            key: the anon (publishable) key, then sign in; or the service role (secret) key, which
                needs no sign-in and must not leave the server.

        Raises:
            InvalidRequest: `url` or `key` cannot be one.

        Example:
            with Romashka.connect(url, service_role_key) as client:
                conversations = client.conversations.list(requires_human=True)
        """
        with (
            start_blocking_portal() as portal,
            portal.wrap_async_context_manager(AsyncRomashka.connect(url, key)) as twin,
            httpx.Client(verify=tls_context(), timeout=TIMEOUT, http2=True) as http,
        ):
            yield cls(twin, portal, http)

    call = forward(AsyncRomashka.call)
    sign_in = forward(AsyncRomashka.sign_in)
    sign_in_anonymously = forward(AsyncRomashka.sign_in_anonymously)

    @property
    def supabase(self) -> Client:
        """supabase-py's own client, with the present session, for what this package lacks.

        Example:
            with Romashka.connect(url, service_role_key) as client:
                rows = client.supabase.table("conversations").select("id").limit(1).execute().data
        """
        twin = self._twin.supabase
        options = ClientOptions(
            headers={"Authorization": twin.options.headers["Authorization"]},
            auto_refresh_token=False,
            httpx_client=self._http,
        )
        return Client(str(twin.supabase_url), twin.supabase_key, options)
