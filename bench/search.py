"""How long does a search of the inbox take, and what does its index cost a message?

    python bench/search.py [--messages 1000000] [--rounds 20]

Ten messages a conversation, of words as often as in a language, in five scripts. Prints the times
of `search_conversations` as staff call it, by what is looked for (goal: p95 under 50 ms), the size
of its index, and the write-ahead log of a message with it and without it. On a shared machine
look at the column CPU: what the database needs of it for one.
"""

import argparse
import json
import random
import statistics
import sys
import time
from collections.abc import Iterator
from typing import Any

import psutil
import psycopg
from database_scale import AGENT, _cluster
from psycopg.types.json import Jsonb
from romashka._installation import install
from romashka_local.bootstrap import bootstrap_database

_COMMON = "the to and i a you my is it for order not of in have parcel".split()
_LATIN = "Rückgabe Größe café naïve São żółty crème Müller Straße señor".split()
_CYRILLIC = "где мой заказ возврат посылка доставка ещё не пришла спасибо оплата".split()
_JAPANESE = "注文 返品 配送 東京都 商品 届きません 確認 お願いします 領収書 交換".split()
_CHINESE = "订单 退货 配送 北京市 商品 没有收到 请确认 发票 换货 谢谢".split()

_QUERIES = {
    "common word": ["order", "parcel", "the"],
    "two common words": ["my order", "not parcel"],
    "ordinary word": ["word120", "word300", "word900"],
    "rare word": ["zyxquartz", "word29998", "word29017"],
    "word that is not there": ["nothinglikethis"],
    "phrase": ['"my order"', '"word300 word301"', '"word120 is not"'],
    "part of a word": ["xquar", "ord299", "arce"],
    "two letters": ["or", "zy"],
    "e-mail address": ["customer4711@example.com", "someone77@mail.example"],
    "domain of everybody": ["example.com"],
    "phone number": ["+49 170 0004711", "01700004711", "1700004711"],
    "name": ["Ada Lovelace471", "lovelace471"],
    "accents": ["ruckgabe", "Größe", "cafe"],
    "Cyrillic": ["посылка", "возврат доставка", "еще"],
    "Japanese": ["東京", "領収書", "東京都 返品", "東"],
    "Chinese": ["北京", "没有收到"],
    "hostile": ["a " * 100, "%_%_%", "e", "'; drop", "x" * 200, "of in to and is it my the"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    with _cluster() as running:
        with psycopg.connect(running.url(), autocommit=True) as connection:
            connection.execute("create database search owner postgres")
        bootstrap_database(running.url(database="search"))
        install(running.url("postgres", "search"))
        patient = "-c statement_timeout=0"
        with psycopg.connect(
            running.url(database="search"), autocommit=True, options=patient
        ) as connection:
            connection.execute("select cron.unschedule(jobname) from cron.job")
            fill(connection, options.messages)
            measure(connection, options.rounds)
            weigh(connection)


def fill(connection: psycopg.Connection[Any], count: int) -> None:
    """Write the messages, and make their index as an installation over them does."""
    chance = random.Random(7)
    began = time.monotonic()
    [index] = (
        connection.execute("select pg_get_indexdef('messages_search_idx'::regclass)").fetchone()
        or ()
    )
    connection.execute("set session_replication_role = replica")
    connection.execute("drop index public.messages_search_idx")
    connection.execute("insert into auth.users (id) values (%s)", [AGENT])
    connection.execute("insert into public.profiles (id, role) values (%s, 'agent')", [AGENT])
    connection.execute(
        "insert into public.customer_profiles (name, email, phone)"
        " select 'Ada Lovelace' || n, 'customer' || n || '@example.com',"
        " '+49 170 ' || lpad(n::text, 7, '0') from generate_series(1, %s) as n",
        [count // 10],
    )
    connection.execute(
        "insert into public.conversations (customer_id, channel_type, message_count, last_message,"
        " last_message_at) select id, 'website', 10, 'Thanks.',"
        " now() - random() * interval '300 days'"
        " from public.customer_profiles"
    )
    ids = [row[0] for row in connection.execute("select id from public.conversations").fetchall()]
    columns = "conversation_id, sender_type, content, position, created_at"
    with (
        connection.cursor() as cursor,
        cursor.copy(f"copy public.messages ({columns}) from stdin") as copy,
    ):
        for number, text in enumerate(texts(chance, count)):
            place = number % 10 + 1
            copy.write_row((ids[number // 10], "user", text, place, "2026-06-01T00:00:00Z"))
    print(f"{count:,} messages written in {time.monotonic() - began:.0f} s", file=sys.stderr)
    began = time.monotonic()
    connection.execute(index.encode())
    print(f"index made in {time.monotonic() - began:.0f} s", file=sys.stderr)
    connection.execute("set session_replication_role = origin")
    connection.execute("select private.index_people(array(select id from public.conversations))")
    connection.execute("vacuum analyze")


def texts(chance: random.Random, count: int) -> Iterator[str]:
    """Yield what customers write: a few words often, thousands seldom, some in other scripts."""
    for number in range(count):
        words = [
            chance.choice(_COMMON)
            if chance.random() < 0.5
            else f"word{int(30_000 * chance.random() ** 3)}"
            for _ in range(chance.randint(4, 26))
        ]
        script = chance.random()
        if script < 0.1:
            words = [*words[:8], *chance.sample(_LATIN, 3)]
        elif script < 0.2:
            words = [chance.choice(_CYRILLIC) for _ in words]
        elif script < 0.25:
            words = ["".join(chance.choice(_JAPANESE) for _ in words[:6])]
        elif script < 0.3:
            words = ["".join(chance.choice(_CHINESE) for _ in words[:6])]
        if number % 1_000 == 77:
            words.append(f"someone{number // 1000}@mail.example")
        if number % 100_000 == 5:
            words.append("zyxquartz")
        yield " ".join(words).capitalize() + "."


def measure(connection: psycopg.Connection[Any], rounds: int) -> None:
    """Print how long each kind of search takes: its first page, and the one after it."""
    claims = json.dumps({"role": "authenticated", "sub": AGENT})
    print(f"{'ms':24}{'p50':>8}{'p95':>8}{'p99':>8}{'CPU':>8}  hits")
    server = psutil.Process(connection.info.backend_pid)
    everything: list[float] = []
    for kind, queries in _QUERIES.items():
        times: list[float] = []
        hits = []
        worked = sum(server.cpu_times()[:2])
        for query in queries:
            after: Any = None
            for number in range(rounds):
                with connection.transaction():
                    connection.execute(
                        "select set_config('role', 'authenticated', true),"
                        " set_config('request.jwt.claims', %s, true)",
                        [claims],
                    )
                    began = time.perf_counter()
                    [found] = connection.execute(
                        "select public.search_conversations(%s, %s)",
                        [query[:200], Jsonb(after) if number % 2 and after else None],
                    ).fetchone() or ({},)
                    times.append((time.perf_counter() - began) * 1000)
                if number == 0:
                    hits.append(len(found["hits"]))
                after = found["next"]
        everything += times
        cpu = (sum(server.cpu_times()[:2]) - worked) / len(times) * 1000
        print(f"{kind:24}{_quantiles(times)}{cpu:8.1f}  {'/'.join(map(str, hits))}", flush=True)
    print(f"{'all':24}{_quantiles(everything)}")


def _quantiles(times: list[float]) -> str:
    cuts = statistics.quantiles(times, n=100, method="inclusive")
    return "".join(f"{cuts[percent - 1]:8.1f}" for percent in (50, 95, 99))


def weigh(connection: psycopg.Connection[Any]) -> None:
    """Print what the index takes, on the disk and of the log."""
    sizes = (
        "select pg_relation_size('public.messages'), pg_relation_size('public.messages_search_idx')"
    )
    table, index = connection.execute(sizes).fetchone() or (0, 0)
    print(f"messages {table / 2**20:.0f} MiB, their index {index / 2**20:.0f} MiB")
    with_it = _log_of_messages(connection)
    connection.execute("drop index public.messages_search_idx")
    without = _log_of_messages(connection)
    print(
        f"a message and its turn: {with_it[0]:,.0f} bytes of log and {with_it[1]:.2f} ms with it,"
        f" {without[0]:,.0f} and {without[1]:.2f} ms without it"
    )


def _log_of_messages(
    connection: psycopg.Connection[Any], count: int = 1_000
) -> tuple[float, float]:
    """Return the bytes of log and the milliseconds of a customer's message, its turn included."""
    chance = random.Random(11)
    rows = connection.execute(
        "select id from public.conversations order by id limit %s", [count]
    ).fetchall()
    written = list(texts(chance, len(rows)))
    connection.execute("checkpoint")
    times = []
    [begin] = connection.execute("select pg_current_wal_insert_lsn()").fetchone() or ()
    for (conversation,), text in zip(rows, written, strict=True):
        began = time.perf_counter()
        connection.execute(
            "insert into public.messages (conversation_id, sender_type, content)"
            " values (%s, 'user', %s)",
            [conversation, text],
        )
        times.append((time.perf_counter() - began) * 1000)
    [size] = (
        connection.execute("select pg_current_wal_insert_lsn() - %s::pg_lsn", [begin]).fetchone()
        or ()
    )
    return float(size) / count, statistics.median(times)


if __name__ == "__main__":
    main()
