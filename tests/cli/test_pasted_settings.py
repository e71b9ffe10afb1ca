"""Settings as people paste them: mended where one thing alone can be meant, else named."""

import base64
import json

import pytest
from romashka._database_url import read_database_url
from romashka._pasted import (
    BadSetting,
    check_same_project,
    read_project_key,
    read_project_url,
    read_server_url,
)
from romashka_worker.channels.settings import ChannelSettings
from romashka_worker.settings import Settings

from tests.support.commands import Command
from tests.support.stacks import RunningStack
from tests.worker.worker_process import start_worker

REF = "abcdefghijklmnopqrst"
URL = f"https://{REF}.supabase.co"
SECRET = "s3cr3t-0123456789"


def key_with(**claims: str) -> str:
    """Return a key of the old form."""
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJIUzI1NiJ9.{payload}.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    "text",
    [
        "{}\n",
        "  {}\t",
        "\ufeff{}",
        "{}\u200b",
        "\u00a0{}",
        '"{}"',
        "“{}”",
        "‘{}’",  # noqa: RUF001 -- they are what is meant
        "„{}“",
        "«{}»",
        "{}”",
        "Bearer {}",
        "bearer  {}\r\n",
        "Authorization: Bearer {}",
        "apikey: {}",
        "SUPABASE_KEY={}",
        'export SUPABASE_KEY="{}";',
        "SUPABASE_KEY: {}",
        "{}\\n",
        "<{}>",
        "SUPABASE_KEY=“Bearer {}”\n",
    ],
)
@pytest.mark.parametrize("key", ["sb_secret_abc-DEF_123", key_with(role="service_role")])
def test_what_came_along_with_a_key_is_taken_off(text: str, key: str) -> None:
    """None of it can be part of one."""
    assert read_project_key(text.format(key), "KEY", "service_role") == key


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "KEY is empty"),
        ("\n", "KEY is empty"),
        ("abc\ndef", "line break"),
        ("abc def", "space"),
        ("abc“def", "U+201C"),
        ("sb_secret_••••••", "left out"),
        ("sb_secret_abc...", "left out"),
        ("sb_secret_***", "left out"),
        ("<your key>", "placeholder"),
        ("your-service-role-key", "placeholder"),
        ("${SUPABASE_KEY}", "placeholder"),
        ("$SUPABASE_KEY", "placeholder"),
        ("%SUPABASE_KEY%", "placeholder"),
        ("{{ secrets.SUPABASE_KEY }}", "placeholder"),
        ("/run/secrets/supabase_key", "the path of a file"),
        (f'{{"key":"{SECRET}"}}', "is JSON"),
        ("sb_publishable_abc", "one of the role anon"),
        (key_with(role="anon"), "one of the role anon"),
        ("sbp_0123456789", "an access token of an account"),
        ("sk-proj-0123456789", "a model's provider"),
        (f"postgresql://postgres:{SECRET}@h/db", "a database's address"),
        (URL, "an address"),
    ],
)
def test_what_is_no_such_key_is_named_and_not_quoted(text: str, says: str) -> None:
    """It may be a secret all the same, in the wrong place."""
    with pytest.raises(BadSetting) as refused:
        read_project_key(text, "KEY", "service_role")

    assert str(refused.value).startswith("KEY ")
    assert says in str(refused.value)
    assert len(text) < 12 or text not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (f"{URL}/", URL),
        (f"{URL}/rest/v1/", URL),
        (f"{URL}/auth/v1\n", URL),
        (f"“{URL}”", URL),
        (f"SUPABASE_URL={URL}", URL),
        (f"{REF}.supabase.co", URL),
        (f"http://{REF}.supabase.co", URL),
        (f"HTTPS://{REF.upper()}.SUPABASE.CO", URL),
        (f"wss://{REF}.supabase.co/realtime/v1/websocket?apikey=x", URL),
        (f"{URL}/storage/v1/s3", URL),
        (f"https://{REF}.storage.supabase.co/storage/v1/s3", URL),
        (f"https://{REF}.functions.supabase.co/hook", URL),
        ("http://127.0.0.1:54321/rest/v1", "http://127.0.0.1:54321"),
        ("https://api.example/supabase/", "https://api.example/supabase"),
        ("https://api.example/supabase/rest/v1/?select=*", "https://api.example/supabase"),
        ("<https://api.example>", "https://api.example"),
    ],
)
def test_what_came_along_with_a_projects_url_is_taken_off(text: str, url: str) -> None:
    """The dashboard shows the address of each service."""
    assert read_project_url(text, "SUPABASE_URL") == url


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"https://supabase.com/dashboard/project/{REF}/settings/api", URL),
        (f"https://app.supabase.com/project/{REF}", URL),
        (f"https://db.{REF}.supabase.co", URL),
        ("https://aws-0-eu.pooler.supabase.com:6543", "the database's address"),
        (REF, URL),
        (f"postgresql://postgres:{SECRET}@db.{REF}.supabase.co:5432/postgres", "a database"),
        ("localhost:54321", "https:// or http://"),
        ("project.example", "https:// or http://"),
        ("https://", "no URL that can be asked"),
        ("https://h:port", "no URL that can be asked"),
        (f"https://https://{REF}.supabase.co", "no URL that can be asked"),
        (f"{URL} # prod", "no URL that can be asked"),
        (f"https://user:{SECRET}@h:x", "no URL that can be asked"),
    ],
)
def test_what_is_no_projects_url_is_named_with_the_right_one(text: str, says: str) -> None:
    """Where it can be known."""
    with pytest.raises(BadSetting) as refused:
        read_project_url(text, "SUPABASE_URL")

    assert str(refused.value).startswith("SUPABASE_URL ")
    assert says in str(refused.value)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        # harry0703/MoneyPrinterTurbo#57, microsoft/TaskWeaver#11
        ("https://api.openai.com/v1/chat/completions", "https://api.openai.com/v1"),
        ("https://api.openai.com/", "https://api.openai.com/v1"),
        ("http://127.0.0.1:11434/v1/completions/", "http://127.0.0.1:11434/v1"),
        ("http://127.0.0.1:8080/v1/embeddings\n", "http://127.0.0.1:8080/v1"),
        ("https://n.openai.azure.com", "https://n.openai.azure.com/openai/v1"),
        ("https://api.deepseek.com", "https://api.deepseek.com"),
    ],
)
def test_what_came_along_with_a_models_url_is_taken_off(text: str, url: str) -> None:
    """The address that a page shows is that of one call."""
    assert read_server_url(text, "OPENAI_BASE_URL") == url


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "https://n.openai.azure.com/openai/deployments/gpt/chat/completions?api-version=1",
            "openai.azure.com/openai/v1/",
        ),
        (f"https://models.example/v1?key={SECRET}", "a query"),
        (f"https://models.example/v1#{SECRET}", "a fragment"),
        ("${OPENAI_BASE_URL}", "https:// or http://"),
    ],
)
def test_what_is_no_models_url_is_named(text: str, says: str) -> None:
    """`doctor` says which URL it asks: no key may be in it."""
    with pytest.raises(BadSetting, match=says) as refused:
        read_server_url(text, "OPENAI_BASE_URL")

    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("key", "is_good"),
    [
        (key_with(role="service_role", ref=REF), True),
        (key_with(role="service_role", ref=REF[::-1]), False),
        (key_with(role="service_role", iss="supabase-demo"), False),
        ("sb_secret_abc", True),
    ],
)
def test_a_key_of_another_project_is_found(key: str, is_good: bool) -> None:
    """The server's word for it is that the signature is wrong."""
    if is_good:
        check_same_project(URL, key, "SUPABASE_URL", "KEY")
    else:
        with pytest.raises(BadSetting, match="KEY is a"):
            check_same_project(URL, key, "SUPABASE_URL", "KEY")


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("postgresql+psycopg2://u:p@h:5432/d", "postgresql://u:p@h:5432/d"),
        ("postgresql+asyncpg://u:p@h/d?ssl=require", "postgresql://u:p@h/d?sslmode=require"),
        ("postgres://u:p@h/d", "postgresql://u:p@h/d"),
        ("jdbc:postgresql://h/d?user=u&password=p", "postgresql://h/d?user=u&password=p"),
        ('DATABASE_URL="postgresql://u:p@h/d"\n', "postgresql://u:p@h/d"),
        ("psql 'postgresql://u:p@h/d'", "postgresql://u:p@h/d"),
        ("postgresql://u:100%@h/d", "postgresql://u:100%25@h/d"),
        ("postgresql://u:a%zz@h/d", "postgresql://u:a%25zz@h/d"),
        ("postgresql://u:a@b#c/d?e:f g@h:5/d", "postgresql://u:a%40b%23c%2Fd%3Fe%3Af%20g@h:5/d"),
        ("postgresql://u:a%40b@h/d", "postgresql://u:a%40b@h/d"),
        (
            "postgresql://postgres.abc:p@aws-0-eu.pooler.supabase.com:6543/postgres"
            "?pgbouncer=true&connection_limit=1&sslmode=require",
            "postgresql://postgres.abc:p@aws-0-eu.pooler.supabase.com:6543/postgres?sslmode=require",
        ),
        ("postgresql://u:p@[2001:db8::1]:5/d", "postgresql://u:p@[2001:db8::1]:5/d"),
        ("postgresql://u@h:1,h:2/d?sslmode=disable", "postgresql://u@h:1,h:2/d?sslmode=disable"),
        ("host=h password='a b'", "host=h password='a b'"),
    ],
)
def test_a_databases_url_is_made_one_that_libpq_reads(text: str, url: str) -> None:
    """It comes from an ORM's settings, and its password from a generator."""
    assert read_database_url(text, "DATABASE_URL") == url


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"postgresql://u:{SECRET}%40x#y@h/d", "encoded in part"),
        (f"postgresql://u:{SECRET}@h/d?options=a@b", "is not of the form"),
        (f"postgresql://u:{SECRET}@h/d?colour=red", "libpq does not know: colour"),
        ("postgresql://postgres:[YOUR-PASSWORD]@h/d", "placeholder"),
        (f"prisma+postgres://{SECRET}", "is not of the form"),
        (f"{URL}/rest/v1", "the project's URL"),
        (f"u:{SECRET}@h/d", "is not of the form"),
        ("psql -h h -U postgres", "is not of the form"),
    ],
)
def test_what_is_no_databases_url_is_named_and_not_quoted(text: str, says: str) -> None:
    """What libpq would quote of it is a piece of the password."""
    with pytest.raises(BadSetting) as refused:
        read_database_url(text, "DATABASE_URL")

    assert str(refused.value).startswith("DATABASE_URL ")
    assert says in str(refused.value)
    assert SECRET not in str(refused.value)


def test_a_command_works_with_settings_as_they_are_pasted(
    stack: RunningStack, romashka: Command
) -> None:
    """And names the one with which it cannot."""
    settings = {
        "SUPABASE_URL": f"“{stack.api_url}/rest/v1/”\n",
        "SUPABASE_SERVICE_ROLE_KEY": f"\ufeffBearer {stack.service_role_key}\n",
    }
    good = romashka("inbox", "--once", **settings)
    wrong = romashka("inbox", "--once", **settings | {"SUPABASE_SERVICE_ROLE_KEY": stack.anon_key})
    migrated = romashka(
        "staff",
        "list",
        DATABASE_URL=f"{stack.db_url.replace('postgresql:', 'postgresql+asyncpg:')}\n",
    )

    assert good.exit_code == migrated.exit_code == 0
    assert (wrong.exit_code, wrong.errors) == (
        2,
        "romashka: SUPABASE_SERVICE_ROLE_KEY is not the project's service role key:"
        " it is one of the role anon\n",
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OPENAI_API_KEY", f"{SECRET}\n{SECRET}"),
        ("OPENAI_FALLBACK_API_KEY", f"{SECRET[:5]}“{SECRET[5:]}"),
        ("WHATSAPP_ACCESS_TOKEN", f"{SECRET}\n{SECRET}"),
        ("SUPABASE_URL", f"postgresql://postgres:{SECRET}@127.0.0.1:9/postgres"),
        ("SUPABASE_SERVICE_ROLE_KEY", f"{SECRET} {SECRET}"),
    ],
)
def test_a_setting_of_a_worker_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """It ran, never asked the model, and its log said `ValueError`."""
    settings = {"SUPABASE_URL": "http://127.0.0.1:9", "SUPABASE_SERVICE_ROLE_KEY": "key"}
    for variable, text in (settings | {name: value}).items():
        monkeypatch.setenv(variable, text)
    with pytest.raises(BadSetting) as refused:
        Settings.from_environment(), ChannelSettings.from_environment()

    assert str(refused.value).startswith(f"{name} ")
    assert SECRET not in str(refused.value)


async def test_a_worker_names_a_setting_and_ends() -> None:
    """Its supervisor need not start it again."""
    process = await start_worker(
        {
            "SUPABASE_URL": "http://127.0.0.1:9",
            "SUPABASE_SERVICE_ROLE_KEY": "key",
            "OPENAI_API_KEY": f"{SECRET}\n{SECRET}",
        }
    )
    output, errors = await process.communicate()

    assert (process.returncode, output) == (2, b"")
    assert errors.decode().startswith("unable to start the worker; OPENAI_API_KEY has a line break")
    assert errors.count(b"\n") == 1
    assert SECRET not in errors.decode()
