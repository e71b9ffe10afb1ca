"""`romashka knowledge import https://...`: a website, and what a hostile one may do."""

import gzip
import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from romashka._website import SiteError, Website
from romashka._website import site as site_module
from romashka._website import visits as visits_module
from romashka._website.address import is_same_site, joined, read_address

from tests.channels.mail_server import make_certificate
from tests.support.commands import Command
from tests.support.stacks import RunningStack
from tests.support.websites import Served, Site, website


@pytest.fixture
def site() -> Iterator[Site]:
    with website() as running:
        yield running


@pytest.fixture
def imported(stack: RunningStack, romashka: Command, site: Site) -> Iterator[Any]:
    """Import an address of the site, and give what became of it."""
    settings = {
        "SUPABASE_URL": stack.api_url,
        "SUPABASE_SERVICE_ROLE_KEY": stack.service_role_key,
        "ROMASHKA_EMBEDDINGS": "off",
    }

    def run(*paths: str, exit_code: int = 0) -> Any:
        places = [site.address + path if path.startswith("/") else path for path in paths or "/"]
        done = romashka("knowledge", "import", *places, "--json", **settings)
        assert done.exit_code == exit_code, done.errors
        told = json.loads(done.output)
        lines = [line for line in done.errors.splitlines() if line]
        assert len(lines) == sum(len(told[kind]) for kind in ("bad", "losses", "skipped"))
        return told

    yield run
    items = romashka("knowledge", "list", "--json", **settings).output.splitlines()
    ours = [one["id"] for one in map(json.loads, items) if site.address in str(one["source_url"])]
    if ours:
        romashka("knowledge", "remove", *ours, **settings)


def _page(title: str, text: str, head: str = "") -> str:
    return f"<html lang=en><head>{head}</head><body><h1>{title}</h1><p>{text}</p></body></html>"


def counts(told: Any) -> list[int]:
    return [told[name] for name in ("added", "changed", "unchanged", "removed")]


def test_a_site_is_imported_changed_and_what_is_gone_is_told(imported: Any, site: Site) -> None:
    """Whoever has the help pages on a website alone runs this after each change."""
    site["/robots.txt"] = "User-agent: *\nDisallow: /private\n"
    site.list("/", "/help/returns", "/help/hours", "/private", "/hidden", "/old")
    site["/"] = _page("Okapi shop", "We sell okapis.")
    site["/help/returns"] = _page("Okapi returns", "Thirty days, <a href='hours'>see</a>.")
    site["/help/hours"] = _page("Okapi hours", "Dawn to dusk.")
    site["/private"] = _page("Secret", "Nobody reads this.")
    site["/hidden"] = _page("Hidden", "Nobody finds this.", "<meta name=Robots content=noindex>")
    site["/old"] = Served(status=301, headers={"Location": "/help/hours"})
    first = imported()
    asked = site.paths()
    again = imported()
    site["/help/returns"] = _page("Okapi returns", "Sixty days.")
    del site.pages["/help/hours"]
    del site.pages["/old"]
    site.list("/", "/help/returns")
    third = imported()

    assert counts(first) == [3, 0, 0, 0]
    assert asked[0] == "/robots.txt"
    assert "/private" not in asked
    assert first["skipped"] == {
        f"{site.address}/private": "robots.txt does not let it be read",
        f"{site.address}/hidden": "it says noindex",
    }
    assert site.asked[0][1]["User-Agent"].startswith("romashka/")
    assert counts(again) == [0, 0, 3, 0]
    assert counts(third) == [0, 1, 1, 1]
    assert third["skipped"] == {
        f"{site.address}/help/hours": "it is not there (404); its items are removed"
    }


def test_a_page_alone_a_folder_and_a_sitemap(imported: Any, site: Site) -> None:
    """What is imported is what was named, and no more; links lead where they led."""
    site["/a/sitemap.xml"] = Served(
        f"<sitemapindex><sitemap><loc>{site.address}/a/one.xml.gz</loc></sitemap>"
        f"<sitemap><loc>{site.address}/a/sitemap.xml</loc></sitemap></sitemapindex>",
        "text/xml",
    )
    listed = f"<urlset><url><loc>{site.address}/a/x?b=1&amp;c=2</loc></url>"
    listed += f"<url><loc> <![CDATA[{site.address}/b]]>\n</loc>"
    listed += f"<image:loc>{site.address}/c</image:loc></url>"
    listed += "<url><x:loc>http://x.test/a/</x:loc></url></urlset>"
    site["/a/one.xml.gz"] = Served(gzip.compress(listed.encode()), "application/gzip")
    site["/a/x?b=1&c=2"] = _page("Kudu", "A <a href='../y'>link</a>.")
    site["/b"] = _page("Bongo", "Text.")
    folder = imported("/a/")
    site["/a/x?b=1&c=2"] = Served(status=503)
    broken = imported("/a/", exit_code=1)
    alone = imported("/b")
    whole = imported("/a/sitemap.xml", exit_code=1)

    assert counts(folder) == [1, 0, 0, 0]
    assert [*folder["files"]] == [f"{site.address}/a/x?b=1&c=2"]
    assert folder["skipped"] == {
        f"{site.address}/a/": "1 pages of other hosts are listed, and not read"
    }
    assert broken["bad"] == {f"{site.address}/a/x?b=1&c=2": "its server answers with 503"}
    assert counts(broken) == [0, 0, 0, 0]
    assert counts(alone) == [1, 0, 0, 0]
    assert counts(whole) == [0, 0, 1, 0]


def test_a_folder_of_files_takes_no_website_away(
    imported: Any, site: Site, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address is no path below the current folder."""
    monkeypatch.chdir(tmp_path)
    site["/page"] = _page("Eland", "Text.")
    imported("/page")
    both = imported("/page", ".")

    assert counts(both) == [0, 0, 1, 0]


HOSTILE = {
    "elsewhere": (
        Served(status=302, headers={"Location": "http://169.254.169.254/latest?token=x"}),
        "it leads to http://169.254.169.254/latest, of another host",
    ),
    "another port": (
        Served(status=302, headers={"Location": "http://127.0.0.1:1/"}),
        "it leads to http://127.0.0.1:1/, of another host",
    ),
    "a file": (
        Served(status=302, headers={"Location": "file:///etc/passwd"}),
        "it leads to what is no address",
    ),
    "round and round": (
        Served(status=302, headers={"Location": "/round-and-round"}),
        "it leads from one address to the next without an end",
    ),
    "a picture": (Served(b"\x89PNG", "image/png"), "it is image/png, no text"),
    "noindex": (
        Served(
            "<h1>a</h1><p>b",
            headers={"X-Robots-Tag": "max-snippet: 5, googlebot: all, romashka: noindex"},
        ),
        "it says noindex",
    ),
    "a script": (
        Served("<div id=root>Loading</div><script>go()</script><noscript>No script!</noscript>"),
        "its text is made by a script",
    ),
    "nothing": (Served("<p> "), "it has no text"),
    "a bomb": (
        Served(gzip.compress(bytes(60_000_000)), headers={"Content-Encoding": "gzip"}),
        "it is larger than 50 MB",
    ),
    "too large": (Served(b"<p>a" * 2_000_000), "it is larger than 5 MB"),
    "another packing": (
        Served(b"x", headers={"Content-Encoding": "br"}),
        "its server packs it as br",
    ),
    "cut": (
        Served(gzip.compress(b"<h1>a</h1>b")[:-9], headers={"Content-Encoding": "gzip"}),
        "it ends too early",
    ),
    "no PDF": (Served(b"%PDF-1.7 nothing", "application/pdf"), "it is no PDF, or damaged"),
    "an error": (Served("<h1>a</h1>b", status=500), "its server answers with 500"),
    "gone": (Served(status=410), "it is not there (410)"),
    "NUL": (Served(b"<p>a\x00b"), "NUL"),
}


def test_what_cannot_be_read_is_named(imported: Any, site: Site) -> None:
    """One line, one reason each; nothing is stored."""
    paths = {case: "/" + case.replace(" ", "-") for case in HOSTILE}
    for case, (served, _) in HOSTILE.items():
        site[paths[case]] = served
    told = imported(*paths.values(), exit_code=1)

    assert len(told["bad"]) == len(HOSTILE)
    for case, (_, reason) in HOSTILE.items():
        assert reason in told["bad"][site.address + paths[case]], case
    assert "token" not in json.dumps(told)
    assert counts(told) == [0, 0, 0, 0]


ENCODINGS = [
    ("Größe".encode(), "text/html; charset=iso-8859-1"),
    ("Größe".encode("latin-1"), "text/html"),
    ("Größe".encode("latin-1"), "text/html; charset=hex"),
    ("Größe".encode("latin-1"), "text/html; charset=utf-8"),
    ("\ufeffGröße".encode("utf-16"), "text/html"),
    ("Größe".encode("cp1250"), "text/html; charset='windows-1250'"),
]


def test_a_page_is_read_in_the_encoding_that_it_has(
    imported: Any, site: Site, romashka: Command, stack: RunningStack
) -> None:
    """Whatever its server says of it."""
    paths = [f"/{number}" for number in range(len(ENCODINGS))]
    for path, (content, kind) in zip(paths, ENCODINGS, strict=True):
        site[path] = Served(content, kind)
    imported(*paths)
    settings = {
        "SUPABASE_URL": stack.api_url,
        "SUPABASE_SERVICE_ROLE_KEY": stack.service_role_key,
    }
    listed = romashka("knowledge", "list", "--json", **settings).output.splitlines()
    items = [one for one in map(json.loads, listed) if site.address in str(one["source_url"])]

    assert [item["content"] for item in items] == ["Größe"] * len(ENCODINGS)


@pytest.mark.parametrize(
    ("page", "link", "target"),
    [
        ("https://a.test/b/", "c", "https://a.test/b/c"),
        ("https://a.test/b/", "http://a.test/c#d", "https://a.test/c"),  # never back to http
        ("https://a.test/b/", "HTTP://A.TEST:80", "https://a.test/"),
        ("http://a.test/b/", "https://a.test/c", "https://a.test/c"),
        ("https://a.test/b/", "http://a.test:8080/c", None),
        ("https://a.test/b/", "//b.test/c", None),
        ("http://a.test/b/", "https://a.test:444/", None),
    ],
)
def test_a_link_leads_within_the_site_or_nowhere(page: str, link: str, target: str | None) -> None:
    """Servers behind a proxy write http where their pages are read by https."""
    site = read_address(page)
    url = joined(site, link)

    assert (str(url) if is_same_site(url, site) else None) == target


def test_what_is_said_to_another_robot_is_not_for_us(imported: Any, site: Site) -> None:
    """`noindex` for one search engine keeps a page out of that one alone."""
    meta = "<meta name=googlebot content=noindex><!-- <meta name=robots content=noindex> -->"
    headers = {"X-Robots-Tag": "googlebot: noindex, otherbot: none"}
    site["/page"] = Served(_page("Oribi", "Text.", meta), headers=headers)

    assert counts(imported("/page")) == [1, 0, 0, 0]


@pytest.mark.parametrize(
    ("robots", "reason"),
    [
        (Served(status=503), "its robots.txt cannot be read (status 503)"),
        (
            Served(status=301, headers={"Location": "https://www.x.test/robots.txt"}),
            "its robots.txt cannot be read: it leads to https://www.x.test/robots.txt",
        ),
        (
            Served("User-agent: romashka\nDisallow: /"),
            "robots.txt does not let it be read",
        ),
        (Served("User-agent: *\nDisallow: /*age$"), "robots.txt does not let it be read"),
    ],
)
def test_robots_txt_is_kept(imported: Any, site: Site, robots: Served, reason: str) -> None:
    """One that cannot be read forbids all, as its standard says."""
    site["/robots.txt"] = robots
    site["/page"] = _page("Gnu", "Text.")
    told = imported("/page", exit_code=1)

    assert reason in told["bad"][f"{site.address}/page"]
    assert site.paths() == ["/robots.txt"]


async def test_a_certificate_is_that_of_the_name_that_was_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address is looked up once; whose it is is looked at with each connection."""
    own, trusting = make_certificate(tmp_path)
    monkeypatch.setattr(visits_module, "tls_context", lambda: trusting)
    with website(own) as site:
        site["/page"] = _page("Kob", "Text.")
        async with Website.open(site.address) as reading:
            page = await reading.read(f"{site.address}/page")
        stranger = site.address.replace("127.0.0.1", "localhost")  # is not in the certificate
        with pytest.raises(SiteError, match=r"robots\.txt cannot be read"):
            async with Website.open(stranger):
                pass

    assert [section.title for section in page.document.sections] == ["Kob"]


def test_a_slow_server_and_a_large_site_have_an_end(
    imported: Any, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that sends a letter a second would hold the import for ever."""
    monkeypatch.setattr(visits_module, "_PAGE_SECONDS", 0.5)
    monkeypatch.setattr(site_module, "MAX_PAGES", 2)

    def drip(handler: BaseHTTPRequestHandler) -> None:
        for _ in range(50):
            handler.wfile.write(b"a")
            time.sleep(0.1)

    site["/a"] = Served(write=drip)
    site["/b"] = _page("Nyala", "Text.")
    site["/c"] = _page("Nyala", "Text.")
    site.list("/a", "/b", "/c")
    told = imported(exit_code=1)

    assert told["bad"] == {f"{site.address}/a": "its server needs more than 0.5 s"}
    assert told["skipped"] == {
        f"{site.address}/": "3 pages, of which 2 are read: import a part of them"
    }
    assert counts(told) == [1, 0, 0, 0]


def test_a_sitemap_that_was_made_to_be_slow_is_not(imported: Any, site: Site) -> None:
    """Spaces, words and entities without an end cost what they weigh."""
    weight = 3_000_000
    site["/a"] = _page("Sitatunga", "Text.")
    rest = f"<loc>{' ' * weight}<{'a' * weight}:loc>{'&amp;' * weight}</loc><loc>http://[</loc>"
    site["/sitemap.xml"] = Served(f"<urlset><loc>{site.address}/a</loc>{rest}", "text/xml")
    begun = time.monotonic()
    told = imported()

    assert counts(told) == [1, 0, 0, 0]
    assert time.monotonic() - begun < 60  # else it would be hours


def test_a_site_that_takes_too_much_is_left(
    imported: Any, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read until then is imported."""
    monkeypatch.setattr(visits_module, "_SITE_BYTES", 300)
    site["/a"] = _page("Addax", "Text.")
    site["/b"] = _page("Addax", "Text." * 50)
    site["/c"] = _page("Addax", "Text.")
    site.list("/a", "/b", "/c")
    told = imported(exit_code=1)

    assert told["bad"][f"{site.address}/"].endswith("import a part of it")
    assert "/c" not in site.paths()


NO_ADDRESSES = {
    "https://user:secret@127.0.0.1/": "an address has no user and no password in it",
    "https://": "it names no host",
    "https://a:b/": "it is no address",
    "https://nothing.invalid/": "there is no host nothing.invalid",
}


def test_what_is_no_address_is_one_line(imported: Any) -> None:
    """And is asked nothing."""
    told = imported(*NO_ADDRESSES, exit_code=1)

    assert "secret" not in json.dumps(told)
    for problem, said in zip(NO_ADDRESSES.values(), told["bad"].values(), strict=True):
        assert problem in said
