"""Knowledge items as vectors: one for each line, each with the title and the whole in it."""

import textwrap
from collections.abc import Sequence

from romashka_worker.embeddings import Embedder, Vector

# A question may resemble the title (of a FAQ), the text as a whole, or one line of it. The parts of
# a vector are unit vectors, so its inner product with a question is the weighted mean of their
# cosines. The weights are measured: docs/knowledge.md.
_TITLE, _WHOLE, _LINE = 0.2, 0.5, 0.3

_LONG_LINE = 1000
_MAX_LINES = 40


async def embed_item(embedder: Embedder, title: str, content: str) -> list[Vector]:
    """Return the vectors of an item, the best of which tells how well it fits a question.

    Raises:
        EmbeddingError: there are none.
    """
    texts = [title, f"{title}\n{content}", *parts_of(content)]
    of_title, of_whole, *of_lines = await embedder.embed_passages(texts)
    return [_mixed(of_title, of_whole, of_line) for of_line in of_lines or [of_whole]]


def _mixed(title: Vector, whole: Vector, line: Vector) -> Vector:
    return tuple(
        _TITLE * in_title + _WHOLE * in_whole + _LINE * in_line
        for in_title, in_whole, in_line in zip(title, whole, line, strict=True)
    )


def parts_of(content: str) -> Sequence[str]:
    """Return the lines of a text, none very long, and not too many; none for a single one.

    Each has a vector of its own, in their order.
    """
    lines = [
        piece
        for line in content.splitlines()
        for piece in textwrap.wrap(line.strip().lstrip("-*•").strip(), _LONG_LINE)
    ]
    at_once = -(-len(lines) // _MAX_LINES)
    if at_once > 1:
        lines = [" ".join(lines[at : at + at_once]) for at in range(0, len(lines), at_once)]
    return lines if len(lines) > 1 else []
