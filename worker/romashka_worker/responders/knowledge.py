"""Answers with the best item of the knowledge base, word for word; needs no model provider."""

from romashka_worker.responders import Analysis, Draft, ResponderError, Turn, written


class KnowledgeResponder:
    """Extractive: an item in the customer's language, with its search score as the confidence."""

    name = "knowledge"
    is_available = True

    async def draft(self, turn: Turn) -> Draft:
        """Return the best item as a draft, or an empty draft without confidence.

        Raises:
            ResponderError: the knowledge base could not be asked.
        """
        if turn.knowledge is None:
            raise ResponderError("the knowledge base could not be asked")
        for item in turn.knowledge:
            if turn.language in (None, item.language):
                analysis = Analysis(
                    confidence=min(max(item.score, 0.0), 1.0),
                    language=item.language,
                    knowledge_sources=(item.id,),
                )
                return Draft(analysis=analysis, text=written(item.content), model=self.name)
        nothing = Analysis(confidence=0.0, language=turn.language)
        return Draft(analysis=nothing, text=written(""), model=self.name)
