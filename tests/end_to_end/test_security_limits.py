"""What one customer may do how often: the table of docs/security.md, exceeded through HTTP."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
from romashka import AsyncRomashka, RateLimited, TooLarge

from tests.end_to_end.cast import Cast, Person, cast_on
from tests.support.security_page import Limit, limits
from tests.support.stacks import RunningStack

LIMITS = limits()
SETTINGS = {limit.setting for limit in LIMITS.values() if limit.setting}
BUCKET = "conversation-attachments"


@pytest.fixture(scope="module")
def cast(stack: RunningStack) -> Iterator[Cast]:
    with cast_on(stack) as people:
        yield people


@contextmanager
def limit_of(cast: Cast, limit: str, value: int) -> Iterator[None]:
    change = f"update public.ai_settings set {LIMITS[limit].setting} = %s"
    cast.run(change, [value])
    try:
        yield
    finally:
        cast.run(change, [10000])


def post(cast: Cast, path: str, who: str | Person, **body: Any) -> httpx.Response:
    return cast.http.post(f"/rest/v1/{path}", json=body, headers=cast.headers(who))


def newcomer(cast: Cast) -> tuple[Person, str, str]:
    """Sign somebody up; return them, and two conversations of theirs that a human has."""
    person = cast.sign_up()
    website, email = (
        post(
            cast, "rpc/create_conversation", person, customer_identifier="x", channel_type=channel
        ).json()
        for channel in ("website", "email")
    )
    cast.run(
        "update public.conversations set requires_human = true where id = any(%s::uuid[])",
        [[website, email]],
    )
    return person, website, email


def say(cast: Cast, who: str | Person, conversation: str, content: str = "x") -> httpx.Response:
    sender = "agent" if who == "agent" else "user"
    return post(
        cast,
        "messages",
        who,
        conversation_id=conversation,
        sender_type=sender,
        content=content,
    )


def open_conversation(cast: Cast, who: str | Person, conversation: str) -> httpx.Response:
    (row,) = cast.run(
        "select customer_id::text from public.conversations where id = %s", [conversation]
    )
    return post(cast, "conversations", who, **row)


def rate(cast: Cast, who: str | Person, conversation: str, rating: int = 0) -> httpx.Response:
    """Rate, otherwise than before unless a rating is given."""
    (row,) = cast.run(
        "select coalesce(satisfaction_rating, 0)::integer %% 5 + 1 as next"
        " from public.conversations where id = %s",
        [conversation],
    )
    return post(
        cast,
        "rpc/rate_conversation",
        who,
        conversation_id=conversation,
        rating=rating or row["next"],
    )


def upload(cast: Cast, who: str | Person, conversation: str, size: int = 1) -> httpx.Response:
    return cast.http.post(
        f"/storage/v1/object/{BUCKET}/{conversation}/{uuid4()}.png",
        content=b"x" * size,
        headers=cast.headers(who) | {"Content-Type": "image/png"},
    )


def upload_a_megabyte(cast: Cast, who: str | Person, conversation: str) -> httpx.Response:
    return upload(cast, who, conversation, 1 << 20)


Act = Callable[[Cast, str | Person, str], httpx.Response]

COUNTED: dict[str, Act] = {
    "messages a minute": say,
    "conversations an hour": open_conversation,
    "ratings an hour that change something": rate,
    "files a minute": upload,
    "files an hour": upload,
    "MB of files an hour": upload_a_megabyte,
    "MB of files in all": upload_a_megabyte,
}
OTHERS = {
    "characters of what a customer says of themselves",
    "characters of a message, or of what comes with it",
    "addresses an hour that answers are mailed to",
    "other customers who leave the same address in a day",
    "read marks",
    "bytes of a file",
}


def test_each_limit_of_the_page_is_tried() -> None:
    """A limit that nobody exceeds is a wish."""
    assert COUNTED.keys() | OTHERS == LIMITS.keys()


@pytest.mark.parametrize("limit", [limit for limit in LIMITS.values() if limit.setting], ids=str)
def test_each_number_of_the_page_is_the_default(cast: Cast, limit: Limit) -> None:
    """A number on a page is true for a release, unless somebody looks."""
    (column,) = cast.run(
        "select column_default from information_schema.columns"
        " where table_name = 'ai_settings' and column_name = %s",
        [limit.setting],
    )
    assert column["column_default"] == limit.number


@pytest.mark.parametrize("name", COUNTED)
def test_a_limit_holds_one_customer_in_all_conversations_and_nobody_else(
    cast: Cast, name: str
) -> None:
    """One in each conversation would be none: a conversation is a request."""
    act, limit = COUNTED[name], LIMITS[name]
    person, website, email = newcomer(cast)
    if act is open_conversation:  # two are there
        cast.run("delete from public.conversations where id = %s", [email])
        email = website
    other, theirs, _ = newcomer(cast)
    let_an_hour_pass(cast, other)
    with limit_of(cast, name, 2):
        first = [act(cast, person, website)]
        if act is not open_conversation:
            first.append(act(cast, person, email))
        refused = [act(cast, person, conversation) for conversation in (website, email)]
        others = [act(cast, other, theirs)]
        staff = [act(cast, "agent", website) for _ in range(3)]

    status, expected = limit.answer.split()
    for answer in (*first, *others, *staff):
        assert answer.is_success, answer.text
    for answer in refused:
        said = answer.json()
        assert str(said.get("statusCode", answer.status_code)) == status
        assert said.get("details", said["message"].partition(";")[0]) == expected
        assert "the limit is 2 " in said["message"]
    if "an hour" in name or "a minute" in name:
        let_an_hour_pass(cast, person)
        with limit_of(cast, name, 2):
            assert act(cast, person, website).is_success


def let_an_hour_pass(cast: Cast, person: Person) -> None:
    hour = "- interval '1 hour'"
    cast.run(
        f"update public.messages set created_at = created_at {hour} where sender_id = %s",
        [person.id],
    )
    cast.run(
        f"update public.conversations set created_at = created_at {hour}"
        " where customer_id = (select id from public.customer_profiles where user_id = %s)",
        [person.id],
    )
    cast.run(
        f"update private.rating_changes set changed_at = changed_at {hour}"
        " where customer_id = (select id from public.customer_profiles where user_id = %s)",
        [person.id],
    )
    with psycopg.connect(cast.stack.db_url.replace("//postgres:", "//supabase_admin:")) as admin:
        admin.execute(
            f"update storage.objects set created_at = created_at {hour} where owner_id = %s",
            [person.id],
        )


def test_sizes_are_as_the_page_says(cast: Cast) -> None:
    """Each alone is one row or one file, and large enough they are a flood."""
    person, website, _ = newcomer(cast)
    (bucket,) = cast.run("select file_size_limit from storage.buckets where id = %s", [BUCKET])
    with limit_of(cast, "characters of a message, or of what comes with it", 10):
        too_long = say(cast, person, website, "x" * 11)
    assert (too_long.status_code, too_long.json()["details"]) == (413, "message_too_long")
    with limit_of(cast, "characters of what a customer says of themselves", 20):
        newest = cast.sign_up()
        profiles = [
            post(cast, "customer_profiles", newest, user_id=newest.id, **{field: {"": "y" * size}})
            for field, size in (("preferences", 19), ("custom_fields", 19), ("custom_fields", 1))
        ]
    assert [profile.status_code for profile in profiles] == [413, 413, 201]
    assert profiles[0].json()["details"] == "profile_too_long"
    assert LIMITS["bytes of a file"].number == str(bucket["file_size_limit"])
    too_large = upload(cast, person, website, bucket["file_size_limit"] + 1)
    assert too_large.json()["statusCode"] == LIMITS["bytes of a file"].answer == "413"


def leave(cast: Cast, who: Person, conversation: str, email: str) -> httpx.Response:
    return post(cast, "rpc/leave_address", who, conversation_id=conversation, email=email)


def test_addresses_are_few(cast: Cast) -> None:
    """Of one customer in all conversations, and of all customers one."""
    of_customer, of_address = (LIMITS[name] for name in LIMITS if "address" in name)
    person, website, _ = newcomer(cast)
    emails = [f"{uuid4()}@example.org" for _ in range(int(of_customer.number) + 1)]
    answers = [leave(cast, person, website, email) for email in emails]
    visitors = [newcomer(cast) for _ in range(int(of_address.number) + 1)]
    same = f"{uuid4()}@example.org"
    others = [leave(cast, visitor, theirs, same) for visitor, theirs, _ in visitors]
    for *taken, refused in (answers, others):
        assert [answer.status_code for answer in taken] == [200] * 5
        assert f"{refused.status_code} {refused.json()['details']}" == of_customer.answer


def test_what_changes_nothing_costs_nothing(cast: Cast) -> None:
    """The same rating or mark again and again writes no row, and is no flood."""
    person, website, _ = newcomer(cast)
    say(cast, person, website)
    mark = {"conversation_id": website, "up_to_position": 1}
    with limit_of(cast, "ratings an hour that change something", 1):
        assert rate(cast, person, website, 3).is_success
        assert post(cast, "rpc/mark_conversation_read", person, **mark).is_success
        before = cast.fingerprint()
        answers = [rate(cast, person, website, 3) for _ in range(3)]
        answers += [post(cast, "rpc/mark_conversation_read", person, **mark) for _ in range(3)]
        after = cast.fingerprint()

    assert [answer.status_code for answer in answers] == [204] * 6
    assert after == before


def test_a_conversation_that_is_there_is_none_more(cast: Cast) -> None:
    """The original's widget upserts it before each message: who had opened some wrote no more."""
    person, website, _ = newcomer(cast)
    with limit_of(cast, "conversations an hour", 2):
        upserted = cast.http.post(
            "/rest/v1/conversations",
            json={"id": website, "status": "active"},
            headers=cast.headers(person) | {"Prefer": "resolution=merge-duplicates"},
        )

    assert upserted.is_success, upserted.text


def test_ratings_are_counted_exactly_at_once(cast: Cast) -> None:
    """On ten connections, in two conversations."""
    person, *conversations = newcomer(cast)
    with limit_of(cast, "ratings an hour that change something", 3), ThreadPoolExecutor(10) as pool:
        answers = list(
            pool.map(
                lambda n: post(
                    cast,
                    "rpc/rate_conversation",
                    person,
                    conversation_id=conversations[n % 2],
                    rating=1 + n % 5,
                ),
                range(10),
            )
        )
    (counted,) = cast.run(
        "select count(*) as n from private.rating_changes join public.customer_profiles as c"
        " on c.id = customer_id where user_id = %s",
        [person.id],
    )
    assert {answer.status_code for answer in answers} <= {204, 429, 503}
    assert sum(answer.status_code == 204 for answer in answers) >= counted["n"]
    assert counted["n"] <= 3


def test_a_customer_signs_no_url_to_upload_to(cast: Cast) -> None:
    """A hundred of them could be had at once, and each is an upload that nobody asks about."""
    person, website, _ = newcomer(cast)
    path = f"/storage/v1/object/upload/sign/{BUCKET}/{website}/{uuid4()}.png"

    refused = cast.http.post(path, headers=cast.headers(person))
    assert refused.json()["statusCode"] == "403"
    assert cast.http.post(path, headers=cast.headers("agent")).is_success


@pytest.mark.parametrize(
    ("name", "kind"), [("files an hour", RateLimited), ("MB of files in all", TooLarge)]
)
async def test_the_sdk_tells_a_limit_from_a_missing_right(
    cast: Cast, name: str, kind: type[Exception]
) -> None:
    """Storage calls both the same."""
    async with AsyncRomashka.connect(cast.stack.api_url, cast.stack.anon_key) as client:
        await client.sign_in_anonymously()
        conversation = await client.conversations.create("x")
        with limit_of(cast, name, 1):
            await client.attachments.upload(conversation.id, "a.png", b"x" * (1 << 20))
            with pytest.raises(kind, match="the limit is 1 "):
                await client.attachments.upload(conversation.id, "a.png", b"x")
