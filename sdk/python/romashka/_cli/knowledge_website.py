"""`romashka knowledge import https://...`: the pages of a website become items."""

from typing import TYPE_CHECKING

from romashka._cli.knowledge_store import Imported, forget, imported_sources, store, why_bad
from romashka._website import Gone, Page, PageError, SiteError, Unwanted, Website
from romashka._website.address import shown

if TYPE_CHECKING:
    from rich.progress import Progress

    from romashka import AsyncRomashka


async def import_website(
    client: "AsyncRomashka",
    address: str,
    language: str | None,
    progress: "Progress",
    imported: Imported,
) -> None:
    """Import the pages that an address means, and note in `imported` what became of each."""
    known = await imported_sources(client)
    named = shown(address)
    task = progress.add_task(f"reading {named}", total=None)
    try:
        async with Website.open(address) as site:
            listing = await site.pages(known)
            if listing.left_out:
                imported.skipped[named] = listing.left_out
            progress.update(task, total=len(listing.pages))
            visitor = _Visitor(client, site, known, language, imported)
            for page in listing.pages:
                await visitor.visit(page, is_asked_for=len(listing.pages) == 1)
                progress.advance(task)
    except SiteError as error:
        imported.bad[named] = str(error)


class _Visitor:
    """Imports one page after the other."""

    def __init__(
        self,
        client: "AsyncRomashka",
        site: Website,
        known: set[str],
        language: str | None,
        imported: Imported,
    ) -> None:
        self._client = client
        self._site = site
        self._known = known
        self._language = language
        self._imported = imported
        self._stored: set[str] = set()

    async def visit(self, address: str, *, is_asked_for: bool) -> None:
        """Import a page; what is not to be read, or there no more, is known no more.

        Raises:
            SiteError: no more of the site can be read.
        """
        try:
            page = await self._site.read(address)
            await self._store(page)
        except SiteError:
            raise
        except (Gone, Unwanted) as error:
            was_known = await self._forget(address)
            is_bad = is_asked_for and not was_known
            told = self._imported.bad if is_bad else self._imported.skipped
            told[address] = f"{error}{'; its items are removed' if was_known else ''}"
        except PageError as error:
            self._imported.bad[address] = str(error)
        except Exception as error:  # noqa: BLE001 -- one page's trouble is no other's
            self._imported.bad[address] = why_bad(error)
        else:
            if page.address != address and await self._forget(address):
                moved = f"it has moved to {page.address}; its items have, too"
                self._imported.skipped[address] = moved

    async def _store(self, page: Page) -> None:
        if page.address in self._stored:
            return  # another address led to it
        counts = await store(self._client, page.address, page.document, self._language)
        self._stored.add(page.address)
        self._imported.add(page.address, page.document, counts)

    async def _forget(self, address: str) -> bool:
        """Remove what is known of a page; return whether that is anything."""
        if address not in self._known:
            return False
        self._imported.counts["removed"] += await forget(self._client, address)
        return True
