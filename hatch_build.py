"""What the wheel says of the project: the README as it reads away from the repository."""

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_RELATIVE_LINK = re.compile(r"\[([^\]]+)\]\((?!https?:|#)([^)]+)\)")


class ReadmeHook(MetadataHookInterface):
    """Makes the README's links absolute where REPOSITORY_URL is set, else plain text."""

    def update(self, metadata: dict[str, Any]) -> None:
        url = os.environ.get("REPOSITORY_URL", "").rstrip("/")
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        link = rf"[\1]({url}/blob/v{metadata['version']}/\2)" if url else r"\1"
        metadata["readme"] = {
            "content-type": "text/markdown",
            "text": _RELATIVE_LINK.sub(link, text),
        }
        metadata["urls"] = {"Repository": url} if url else {}
