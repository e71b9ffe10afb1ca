"""Finding knowledge: by words, by meaning, by both; and items that follow their files."""

import json
from typing import Any

import psycopg
import pytest
from romashka._installation import install

from tests.database.inbox import Inbox

MODEL = "some-model"


def _has_vectors(inbox: Inbox) -> bool:
    return bool(inbox.run("select extname from pg_extension where extname = 'vector'"))


@pytest.fixture
def vectors(inbox: Inbox) -> Inbox:
    """The inbox of a database with pgvector."""
    if not _has_vectors(inbox):
        pytest.skip("this server has no pgvector")
    return inbox


def _add(inbox: Inbox, title: str, content: str = "x", language: str = "en") -> str:
    row = inbox.one(
        "insert into public.knowledge_items (title, content, language) values (%s, %s, %s)"
        " returning id",
        title,
        content,
        language,
    )
    return str(row["id"])


def _direction(axis: int, length: float = 1.0) -> str:
    return json.dumps([length if at == axis else 0 for at in range(384)])


def _missing(inbox: Inbox) -> dict[str, dict[str, Any]]:
    rows = inbox.run(
        "select * from public.get_knowledge_to_embed(%s, 100)", MODEL, by="service_role"
    )
    return {row["title"]: row for row in rows}


def _store(inbox: Inbox, item: dict[str, Any], *vectors: str) -> int:
    made = [{"item_id": str(item["item_id"]), "hash": item["hash"], "vectors": vectors}]
    stored = inbox.one(
        "select public.store_knowledge_embeddings(%s, %s) as items",
        MODEL,
        json.dumps(made),
        by="service_role",
    )
    return int(stored["items"])


def _search(inbox: Inbox, query: str, embedding: str | None = None) -> list[dict[str, Any]]:
    return inbox.run(
        "select * from public.search_knowledge(%s, null, 5, %s, %s)",
        query,
        embedding,
        MODEL,
        by="service_role",
    )


def test_the_part_that_is_nearest_is_told(vectors: Inbox) -> None:
    """Of a long article a customer is shown what answers."""
    _add(vectors, "Opening hours")
    item = _missing(vectors)["Opening hours"]
    item_id = str(item["item_id"])

    def part(model: str = MODEL) -> object:
        call = "select public.find_knowledge_part(%s, %s, %s) as part"
        return vectors.one(call, item_id, _direction(2), model, by="service_role")["part"]

    assert part() is None
    _store(vectors, item, _direction(1), _direction(2, 0.5), _direction(2))
    assert part() == 3
    assert part("another model") is None


def test_an_item_is_found_by_the_best_of_its_parts(vectors: Inbox) -> None:
    """A customer's words are rarely the article's; one line of a long text may answer."""
    for title in ("Opening hours", "Refunds"):
        _add(vectors, title)
    missing = _missing(vectors)
    _store(vectors, missing["Opening hours"], _direction(1), _direction(2))
    _store(vectors, missing["Refunds"], _direction(3))
    found = _search(vectors, "quando?", _direction(2, 0.9))

    assert [row["title"] for row in found] == ["Opening hours", "Refunds"]
    assert [float(row["similarity"]) for row in found] == [0.9, 0.0]
    assert [float(row["keyword_score"]) for row in found] == [0.0, 0.0]
    assert 0 <= found[0]["score"] <= 1


def test_words_count_beside_the_meaning(vectors: Inbox) -> None:
    """Two models of one device have the same meaning; the number in the question tells which."""
    for title in ("Reset the X100", "Reset the X200"):
        _add(vectors, title)
    for item in _missing(vectors).values():
        _store(vectors, item, _direction(1))
    found = _search(vectors, "how to reset my x200", _direction(1))

    assert [row["title"] for row in found] == ["Reset the X200", "Reset the X100"]


def test_an_edited_item_is_found_by_its_words_until_it_is_embedded_again(vectors: Inbox) -> None:
    """Existing frontends edit items; an answer from what it said before would be wrong."""
    _add(vectors, "Opening hours", "Nine to five.")
    before = _missing(vectors)["Opening hours"]
    _store(vectors, before, _direction(1))
    vectors.run("update public.knowledge_items set usage_count = 1")
    untouched = _missing(vectors)
    vectors.run("update public.knowledge_items set content = 'Closed for holidays.'")
    late = _store(vectors, before, _direction(1))
    [found] = _search(vectors, "holidays", _direction(1))

    assert untouched == {}
    assert late == 0
    assert list(_missing(vectors)) == ["Opening hours"]
    assert found["similarity"] is None
    assert found["score"] > 0


def _embed(inbox: Inbox, titles: list[str], *vectors: str) -> None:
    missing = _missing(inbox)
    for title in titles:
        _store(inbox, missing[title], *vectors)


def test_a_base_that_is_being_embedded_is_searched_by_its_words(vectors: Inbox) -> None:
    """Ten thousand items were imported: what has vectors first is not what everybody asks for."""
    titles = [f"Topic {number}" for number in range(20)]
    for title in titles:
        _add(vectors, title)
    by_words = _search(vectors, "topic 7")
    _embed(vectors, titles[8:16], _direction(1))
    halfway = _search(vectors, "topic 7", _direction(1))
    _embed(vectors, [*titles[:7], *titles[16:]], _direction(1))
    nearly = _search(vectors, "topic 7", _direction(1))

    assert halfway == by_words
    assert by_words[0]["title"] == "Topic 7"
    assert nearly[0]["title"] == "Topic 7"
    assert [row["similarity"] for row in nearly] == [None, 1, 1, 1, 1]


@pytest.mark.parametrize("first", ["0", "f"])
def test_ids_in_the_order_of_time_do_not_hide_an_import(vectors: Inbox, first: str) -> None:
    """Some frontends give ids that begin with the time; others have old items with small ones."""
    old, new = ("00000000", "ffffffff") if first == "0" else ("ffffffff", "00000000")
    for prefix, count in ((old, 60), (new, 60)):
        vectors.run(
            "insert into public.knowledge_items (id, title, content, language)"
            " select (%s || '-0000-4000-8000-' || lpad(number::text, 12, '0'))::uuid,"
            " %s || ' ' || number, 'x', 'en' from generate_series(1, %s) as number",
            prefix,
            prefix,
            count,
        )
        if prefix == old:
            while missing := _missing(vectors):
                _embed(vectors, list(missing), _direction(1))

    found = _search(vectors, f"{old} {new}", _direction(1))

    assert {row["similarity"] for row in found} == {None}


def test_another_models_vectors_are_of_no_use(vectors: Inbox) -> None:
    """After a change of model the base is embedded anew, and answers meanwhile."""
    _add(vectors, "Passwords")
    _embed(vectors, ["Passwords"], _direction(1))
    [found] = vectors.run(
        "select * from public.search_knowledge('passwords', null, 5, %s, 'another-model')",
        _direction(1),
        by="service_role",
    )

    assert (found["title"], found["similarity"], found["score"]) == ("Passwords", None, 1)


def test_an_edited_item_is_not_lost_among_those_that_have_vectors(vectors: Inbox) -> None:
    """It has some of the question's words, but resembles nothing until it is embedded again."""
    titles = [f"Something else {number}" for number in range(30)]
    for title in [*titles, "Opening hours of the shop in winter"]:
        _add(vectors, title)
    _embed(vectors, titles, _direction(1, 0.9))
    query = "will you be open christmas afternoon, winter sale"
    found = _search(vectors, query, _direction(1))
    strange = _search(vectors, "else", _direction(1))

    assert found[0]["title"] == "Opening hours of the shop in winter"
    assert 0 < found[0]["keyword_score"] < found[0]["score"]
    assert found[0]["similarity"] is None
    assert "Opening hours of the shop in winter" not in {row["title"] for row in strange}


def test_an_item_that_is_not_active_is_not_found(inbox: Inbox) -> None:
    """A draft is not for customers."""
    _add(inbox, "Christmas sale")
    if _has_vectors(inbox):
        _store(inbox, _missing(inbox)["Christmas sale"], _direction(1))
    inbox.run("update public.knowledge_items set status = 'draft'")
    found = [*_search(inbox, "christmas sale"), *_search(inbox, "x", _direction(1))]
    inbox.run("update public.knowledge_items set status = 'active'")

    assert found == []
    assert [row["title"] for row in _search(inbox, "christmas sale")] == ["Christmas sale"]


@pytest.mark.parametrize(
    ("title", "language", "query"),
    [
        ("Passwords", "en", "forgot my pasword"),
        ("配送需要多久?", "zh", "多久配送"),
        ("Wie kündige ich?", "de", "kündigen"),
    ],
)
def test_words_are_found_as_people_write_them(
    inbox: Inbox, title: str, language: str, query: str
) -> None:
    """Mistyped, inflected, or without spaces between them."""
    _add(inbox, "Something else", "entirely", language)
    _add(inbox, title, "x", language)

    assert [row["title"] for row in _search(inbox, query)] == [title]


def test_a_long_text_is_stored_and_found(inbox: Inbox) -> None:
    """A tsvector has a limit; a frontend that saves a long text must not see an error."""
    _add(inbox, "Terms", " ".join(f"word{number}" for number in range(200_000)))

    assert [row["title"] for row in _search(inbox, "word17")] == ["Terms"]


def test_extensions_may_be_in_another_schema(bare_db: str) -> None:
    """Some projects have them in public; functions with an empty search path must name it."""
    with Inbox(bare_db) as inbox:
        available = inbox.run(
            "select name from pg_available_extensions where name in ('vector', 'pg_trgm')"
        )
        inbox.run("create schema elsewhere")
        for row in available:
            inbox.run(f"create extension {row['name']} schema elsewhere")
    install(bare_db)
    with Inbox(bare_db) as inbox:
        _add(inbox, "Passwords")
        if _has_vectors(inbox):
            _store(inbox, _missing(inbox)["Passwords"], _direction(1))

        assert _search(inbox, "pasword", _direction(1))[0]["title"] == "Passwords"


def test_pgvector_may_come_later(vectors: Inbox, fresh_db: str) -> None:
    """What `romashka doctor` says to do when it was not there as the migrations ran."""
    found = {}
    _add(vectors, "Passwords")
    for change in ("drop extension vector cascade", "create extension vector schema extensions"):
        vectors.run(change)
        install(fresh_db)
        for item in _missing(vectors).values():
            _store(vectors, item, _direction(1))
        found[change.split()[0]] = _search(vectors, "passwords", _direction(1))

    assert [(row["title"], row["similarity"]) for row in found["drop"]] == [("Passwords", None)]
    assert [(row["title"], row["similarity"]) for row in found["create"]] == [("Passwords", 1)]


def _import(inbox: Inbox, by: str, source: str, **sections: str) -> dict[str, int]:
    rows = [{"name": name, "title": name, "content": text} for name, text in sections.items()]
    return inbox.one(
        "select * from public.import_knowledge(%s, %s)", source, json.dumps(rows), by=by
    )


def test_items_follow_the_file_that_they_are_from(inbox: Inbox) -> None:
    """An import that is run again must not double what is there, nor keep what is gone."""
    agent = inbox.user("agent")
    _add(inbox, "written by hand")
    first = _import(inbox, agent, "a.md", hours="Nine to five.", refunds="A week.")
    _import(inbox, agent, "a.md.old", hours="Eight to four.")
    second = _import(inbox, agent, "a.md", hours="Nine to six.", gifts="Yes.", refunds="A week.")
    third = _import(inbox, agent, "a.md", hours="Nine to six.")
    contents = inbox.run("select content from public.knowledge_items order by content")

    assert first == {"added": 2, "changed": 0, "unchanged": 0, "removed": 0}
    assert second == {"added": 1, "changed": 1, "unchanged": 1, "removed": 0}
    assert third == {"added": 0, "changed": 0, "unchanged": 1, "removed": 2}
    assert [row["content"] for row in contents] == ["Eight to four.", "Nine to six.", "x"]


def test_a_customer_imports_nothing(inbox: Inbox) -> None:
    """What the AI answers from is the team's."""
    with pytest.raises(psycopg.Error, match="only staff"):
        _import(inbox, inbox.user(), "a.md", hours="Never.")
