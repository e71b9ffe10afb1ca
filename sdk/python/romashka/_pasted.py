"""Settings as people paste them: what surely is no part of one is taken off, the rest is named.

A key comes with the line break of its file, typographic quotes or `Bearer`; a URL with a path, an
ORM's scheme, or a password that nobody encoded. What can be meant in one way alone is mended; for
the rest there is one line that names the setting. It never quotes it: that may be a secret.
"""

import base64
import binascii
import json
import re
from typing import Any
from urllib.parse import urlsplit

_UNSEEN = re.compile("[\ufeff\u200b-\u200f\u202a-\u202e\u2060-\u2064\u00ad]")
_PAIRS = ('""', "''", "``", "“”", "„“", "””", "„”", "‘’", "‚‘", "’’", "«»", "»«", "‹›", "<>")  # noqa: RUF001 -- they are what is meant
QUOTES = "".join({sign for pair in _PAIRS for sign in pair})
_ASSIGNMENT = re.compile(
    r"(?:(?:export|set|setx|env|\$env:|ENV)\s*)?[A-Z][A-Z0-9_]{2,}(?:\s*=|:\s)\s*(?=\S)"
)
_ENDS = re.compile(r"(?:\\[nrt]|\s|[,;])+$")
"""`\\n` in two signs is what a shell or a dashboard made of a line break."""
_CREDENTIALS = re.compile(r"(?:authorization\s*:\s*)?(?:bearer|token)\s+|api-?key\s*:\s*", re.I)
_PLACEHOLDER = re.compile(
    r"<.*>|\[.*\]|\.\.\.|…|(?:sk-)?your[-_ ].*|\*+|\$\{.*\}|\$[A-Z_]{3,}|%\w+%|\{\{.*\}\}", re.I
)
_FILE = re.compile(r"/(?:run|var|etc|mnt|secrets?)/")
_MODEL_PATH = re.compile(r"/(?:(?:chat/)?completions|embeddings|models|responses)/*$")
_AZURE = re.compile(
    r"(https?://[^/]+\.(?:openai|cognitiveservices)\.azure\.com)(?:/openai)?/*$", re.I
)
_VERSIONED = re.compile(r"(https?://api\.(?:openai|anthropic)\.com)/*$", re.I)
_MASKED = re.compile(r"[•●∙·…]|\*{3}|\.{3}$")
_SERVICE_PATH = re.compile(r"/(?:rest|auth|storage|realtime|functions|graphql)/v\d+(?:/.*)?$")
_HOSTED = re.compile(
    r"([a-z0-9]{15,24})(?:\.(?:functions|storage|realtime))?\.supabase\.(?:co|in|net)"
)
_REF = re.compile(r"[a-z]{20}")
_KINDS = {
    "sbp_": "an access token of an account, not a key of a project",
    "sk-": "a key of a model's provider, not of the project",
    "postgres": "a database's address, not a key",
    "http": "an address, not a key",
}
_KEY_NAMES = {"anon": "anon (publishable)", "service_role": "service role"}


class BadSetting(Exception):
    """A setting is missing or makes no sense; the message is one line that names it."""


def pasted(text: str) -> str:
    """Return a setting without what came along with it: a BOM, spaces, quotes, `export NAME=`."""
    while True:
        before = text
        text = _ENDS.sub("", _UNSEEN.sub("", text).strip())
        text = text[_end_of(_ASSIGNMENT, text) :]
        if len(text) > 1 and text[0] + text[-1] in _PAIRS:
            text = text[1:-1]
        if text == before:
            return text


def read_token(text: str, name: str) -> str:
    """Return what `text` is to be sent as in a header, without `Bearer` and quotes.

    Raises:
        BadSetting: it cannot be sent as one.
    """
    key = pasted(text).strip(QUOTES)
    key = pasted(key[_end_of(_CREDENTIALS, key) :]).strip(QUOTES)
    if not key:
        raise BadSetting(f"{name} is empty")
    if _PLACEHOLDER.fullmatch(key):
        raise BadSetting(f"{name} is a placeholder still; put the key in its place")
    if _MASKED.search(key):
        raise BadSetting(f"{name} is a key as it is shown, with its middle left out; copy it whole")
    if _FILE.match(key):
        raise BadSetting(f"{name} is the path of a file; put what is in it in its place")
    if key.startswith("{"):
        raise BadSetting(f"{name} is JSON; copy the key alone")
    if re.search(r"[\r\n]", key):
        raise BadSetting(f"{name} has a line break in it; copy the key alone")
    if strange := re.search(r"[^ -~]", key):
        sign = f"U+{ord(strange[0]):04X}"
        raise BadSetting(f"{name} has a character that no key has ({sign}); copy it anew")
    return key


def read_key(text: str, name: str) -> str:
    """Return the key that `text` is, without `Bearer` and quotes.

    Raises:
        BadSetting: it cannot be one.
    """
    key = read_token(text, name)
    if " " in key:
        raise BadSetting(f"{name} has a space in it; copy the key alone")
    return key


def read_project_key(text: str, name: str, role: str) -> str:
    """Return the key that `text` is, if it can be the one of that role.

    Raises:
        BadSetting: it tells by itself that it is another one.
    """
    key = read_key(text, name)
    wanted = f"{name} is not the project's {_KEY_NAMES[role]} key"
    for beginning, kind in _KINDS.items():
        if key.startswith(beginning):
            raise BadSetting(f"{wanted}: it is {kind}")
    if role_of(key) not in (None, role):
        raise BadSetting(f"{wanted}: it is one of the role {role_of(key)}")
    return key


def read_project_url(text: str, name: str) -> str:
    """Return the project's URL without the path of a service behind it.

    Raises:
        BadSetting: it is no such URL.
    """
    url = pasted(text).strip(QUOTES)
    if not url:
        raise BadSetting(f"{name} is empty")
    wanted = "the project's URL, as https://abc.supabase.co or http://127.0.0.1:54321"
    if re.match(r"[\w+]*postgres|jdbc:", url):
        raise BadSetting(f"{name} is the address of a database; it takes {wanted}")
    if _HOSTED.match(url):
        url = f"https://{url}"
    if found := re.search(r"supabase\.(?:com|io)/(?:dashboard/)?project/([a-z0-9]+)", url):
        right = f"https://{found[1]}.supabase.co"
        raise BadSetting(f"{name} is the dashboard's address; the project's URL is {right}")
    if _REF.fullmatch(url):
        raise BadSetting(f"{name} is the project's name; its URL is https://{url}.supabase.co")
    url = re.sub(r"^ws(?=s?://)", "http", url, flags=re.IGNORECASE)
    host = _host_of(url, name, wanted)
    if found := re.fullmatch(r"db\.([a-z0-9]+)\.supabase\.(?:co|in)", host):
        right = f"https://{found[1]}.supabase.co"
        raise BadSetting(f"{name} is the database's address; the project's URL is {right}")
    if host.endswith(".pooler.supabase.com"):
        raise BadSetting(f"{name} is the database's address; it takes {wanted}")
    if hosted := _HOSTED.fullmatch(host):
        # Nothing is behind it, and its key is sent by TLS alone.
        return f"https://{hosted[1]}.supabase.{host.rpartition('.')[2]}"
    return _SERVICE_PATH.sub("", re.split(r"[?#]", url)[0]).rstrip("/")


def read_server_url(text: str, name: str) -> str:
    """Return the URL of a server that is no project, without the path of one of its services.

    Raises:
        BadSetting: it is none.
    """
    url = pasted(text).strip(QUOTES)
    wanted = "a URL, as https://models.example/v1"
    _host_of(url, name, wanted)
    if "/openai/deployments/" in url:
        raise BadSetting(
            f"{name} is a deployment's; it takes https://NAME.openai.azure.com/openai/v1/,"
            " and the deployment's name is the model"
        )
    if re.search("[?#]", url):
        raise BadSetting(f"{name} has a query or a fragment in it; it takes {wanted}")
    url = _MODEL_PATH.sub("", url)
    return _VERSIONED.sub(r"\1/v1", _AZURE.sub(r"\1/openai/v1", url))


def check_same_project(url: str, key: str, url_name: str, key_name: str) -> None:
    """Refuse a key that tells by itself that it is another project's.

    Raises:
        BadSetting: it is.
    """
    if not (hosted := _HOSTED.fullmatch(urlsplit(url).hostname or "")):
        return
    claims = _claims_of(key)
    if claims.get("iss") == "supabase-demo":
        raise BadSetting(f"{key_name} is a local stack's key, and {url_name} a hosted project's")
    ref = claims.get("ref")
    if isinstance(ref, str) and _REF.fullmatch(ref) and ref != hosted[1]:
        raise BadSetting(f"{key_name} is a key of the project {ref}, {url_name} is {hosted[1]}'s")


def role_of(key: str) -> str | None:
    """Return whose key it is; None if it does not tell."""
    if key.startswith("sb_"):
        return {"secret": "service_role", "publishable": "anon"}.get(key.split("_")[1])
    role = _claims_of(key).get("role")
    return None if role is None else str(role)


def _claims_of(key: str) -> dict[str, Any]:
    try:
        payload = key.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError, binascii.Error):
        return {}
    return claims if isinstance(claims, dict) else {}


def _end_of(pattern: re.Pattern[str], text: str) -> int:
    found = pattern.match(text)
    return found.end() if found else 0


def _host_of(url: str, name: str, wanted: str) -> str:
    """Return the host of a URL that can be asked."""
    if not re.match(r"https?://", url, re.IGNORECASE):
        raise BadSetting(f"{name} does not begin with https:// or http://; it takes {wanted}")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    # Some clients send a password as a header, others quote it; a slash in it ends the host.
    if not host or re.search(r"[@\s\\<>\"'“”]", url) or host in ("http", "https"):
        form = "no URL that can be asked, without a user, a password or any @"
        raise BadSetting(f"{name} is {form}; it takes {wanted}")
    return host
