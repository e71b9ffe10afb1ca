"""Answers with the best item of the knowledge base, word for word; needs no model provider."""

from romashka_worker.responders import Draft, ResponderError, Turn


class KnowledgeResponder:
    """Extractive: an item in the customer's language, with its search score as the confidence."""

    name = "knowledge"

    async def draft(self, turn: Turn) -> Draft:
        """Return the best item as a draft, or an empty draft without confidence.

        Raises:
            ResponderError: the knowledge base could not be asked.
        """
        if turn.knowledge is None:
            raise ResponderError("the knowledge base could not be asked")
        for item in turn.knowledge:
            if turn.language in (None, item.language):
                return Draft(
                    text=item.content,
                    confidence=min(max(item.score, 0.0), 1.0),
                    language=item.language,
                    knowledge_sources=(item.id,),
                    model=self.name,
                )
        return Draft(text="", confidence=0.0, language=turn.language, model=self.name)
