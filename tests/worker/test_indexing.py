"""What customers are answered while the knowledge base is being embedded."""

import asyncio
from typing import Any

import pytest
from romashka._migration_files import product_folder
from romashka_worker.embeddings import Embedding
from romashka_worker.embeddings.local import LocalEmbedder, is_installed
from romashka_worker.indexer import Indexer
from romashka_worker.job import Answer
from romashka_worker.knowledge import KnowledgeBase
from romashka_worker.turn import TurnAnswerer

from tests.worker.direct import Database
from tests.worker.turns import LANGUAGES, job

QUESTIONS = {
    "What is Romashka?": "101",
    "Wie schnell bekommt der Kunde eine Antwort?": "202",
    "¿Puede un cliente leer las conversaciones de otros?": "305",
    "Нужен ли Docker или аккаунт, чтобы попробовать?": "406",
    "Which wine goes well with grilled octopus?": None,
}


class _AFew:
    """The database as an indexer sees it that is given certain items, of all that have none."""

    def __init__(self, database: Database, *numbers: str) -> None:
        self._database = database
        self._numbers = numbers

    async def call(self, function: str, **arguments: Any) -> Any:
        if function != "get_knowledge_to_embed":
            return await self._database.call(function, **arguments)
        missing = await self._database.call(function, **arguments, max_items=100)
        return [item for item in missing if item["item_id"][-3:].startswith(self._numbers)]


class _Remembering(LocalEmbedder):
    """Embeds no question twice."""

    def __init__(self) -> None:
        super().__init__()
        self._asked: dict[str, asyncio.Task[Embedding]] = {}

    async def embed_question(self, text: str) -> Embedding:
        if text not in self._asked:
            self._asked[text] = asyncio.create_task(super().embed_question(text))
        return await self._asked[text]


def _what_became(answer: Answer) -> str | None:
    """Return the number of the item that was replied with."""
    return answer.knowledge_sources[0][-3:] if answer.action == "reply" else None


@pytest.mark.skipif(not is_installed(), reason="needs the extra `embeddings`")
async def test_customers_are_answered_however_much_of_the_base_has_vectors(fresh_db: str) -> None:
    """They write while a fresh base is embedded, an import, or all of it for another model."""
    database: Any = Database(fresh_db)
    await database.change((product_folder() / "seed.sql").read_bytes())
    became = {}
    with _Remembering() as embedder:
        turns = TurnAnswerer(KnowledgeBase(database), embedder, (), LANGUAGES)
        await asyncio.gather(*map(embedder.embed_question, QUESTIONS))
        for numbers in ((), ("101",), ("307",), ("109", "208"), ("1",), ("2", "3"), ("",)):
            client: Any = _AFew(database, *numbers)
            while numbers and await Indexer(client, embedder).embed_some():
                pass
            for question in QUESTIONS:
                answer = await turns.answer(job(user_message=question))
                became[numbers, question] = _what_became(answer)

    assert became == {(numbers, question): QUESTIONS[question] for numbers, question in became}
