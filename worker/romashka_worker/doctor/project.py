"""The project as doctor sees it: key, migrations, extensions, cron, functions, Realtime."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

from romashka import AsyncRomashka, NotFound, RomashkaError, ServerError
from romashka._cli.local_stack import find_stack
from romashka._edition import read_edition
from romashka._grants import Grant, differences, read_grants
from romashka._guards import missing_guards, read_guards
from romashka._pasted import role_of

from romashka_worker.doctor.finding import Finding
from romashka_worker.settings import Settings
from romashka_worker.wake import TOPIC

KEY_FIX = (
    "export SUPABASE_SERVICE_ROLE_KEY=..."
    "  # the secret key: Dashboard, Settings, API Keys; locally: romashka status -o env"
)
_REALTIME_SECONDS = 15.0
_SWEEP = "romashka-sweep"
_ACTIVATE = (
    "select cron.alter_job(jobid, active := true) from cron.job where jobname = 'romashka-sweep'"
)

_PACKAGES = {
    "vector": "install pgvector",
    "pg_trgm": "install postgresql-contrib",
    "pg_cron": "install pg_cron, and add it to shared_preload_libraries,",
}
"""How an extension comes to a server that has none of it to create."""

# What a worker calls, with arguments for which nothing happens.
_CALLS: Mapping[str, Mapping[str, Any]] = {
    "get_next_ai_response_job": {"worker_id": "doctor", "max_jobs": 0},
    "extend_ai_response_leases": {"worker_id": "doctor", "jobs": []},
    "complete_ai_response_jobs": {"results": []},
    "search_knowledge": {"query": "romashka"},
    "record_ai_response_traces": {"traces": []},
    "claim_channel_deliveries": {"worker_id": "doctor", "max_deliveries": 0},
    "settle_channel_deliveries": {"results": []},
    "get_channel_credentials": {"channel_type": "doctor"},
}
_REFUSALS_THAT_PROVE_IT = ("bad_claim",)


def migrate_command(settings: Settings) -> str:
    """Return the command that brings the project's schema up to date."""
    return "romashka migrate" if _is_here(settings) else 'romashka migrate --db-url "$DATABASE_URL"'


def psql_command(settings: Settings, *statements: str) -> str:
    """Return the command that runs statements in the project's database."""
    commands = " ".join(f'-c "{statement}"' for statement in statements)
    finds_it = 'eval "$(romashka status -o env)"; ' * _is_here(settings)
    return f'{finds_it}psql "$DATABASE_URL" {commands}'


def _is_here(settings: Settings) -> bool:
    """Is it the stack that runs here, whose database commands find by themselves?"""
    stack = find_stack()
    return stack is not None and stack["API_URL"] == settings.supabase_url


# ---- the key


def look_at_key(key: str) -> Finding | None:
    """Say whose key it is if it tells by itself that it is the wrong one."""
    role = role_of(key)
    if role in (None, "service_role"):
        return None
    return Finding.problem("key", f"SUPABASE_SERVICE_ROLE_KEY is a key of the role {role}", KEY_FIX)


# ---- what is installed


def look_at_installation(installed: Mapping[str, Any], settings: Settings) -> Iterator[Finding]:
    """Say what the database tells about itself."""
    yield _migrations(installed.get("files", {}), settings)
    available = installed.get("available", ("vector", "pg_trgm", "pg_cron"))
    yield _extensions(installed.get("files", {}), installed["extensions"], available, settings)
    yield _cron(installed["cron"], available, settings)
    yield _set_aside(installed.get("set_aside", 0), settings)
    if failures := installed.get("trigger_failures"):
        yield _foreign_triggers(failures, settings)
    if tables := installed.get("open_tables"):
        yield from _open_tables(tables, settings)


def _migrations(applied: Mapping[str, str], settings: Settings) -> Finding:
    edition = read_edition()
    ours = edition.records() | {
        extra.name: extra.digest for extra in edition.recorded_extras(applied)
    }
    missing = [name for name in ours if name not in applied]
    changed = [name for name, digest in ours.items() if applied.get(name, digest) != digest]
    if not applied:
        says = "an earlier edition is installed"
    elif missing:
        says = f"{len(missing)} not applied: {', '.join(missing)}"
    elif changed:
        says = f"applied in another edition: {', '.join(changed)}"
    else:
        return Finding.ok("migrations", f"all {len(ours)} applied")
    return Finding.problem("migrations", says, migrate_command(settings))


def _extensions(
    applied: Mapping[str, str],
    there: Mapping[str, str],
    available: Sequence[str],
    settings: Settings,
) -> Finding:
    """Say which of the two that help a search is not there, or was not when it was migrated."""
    for name, lacks in (
        ("vector", "knowledge is not found by its meaning"),
        ("pg_trgm", "misspelt words are not found"),
    ):
        if name not in there:
            create = f"create extension if not exists {name} schema extensions"
            fix = f"{psql_command(settings, create)} && {migrate_command(settings)}"
            if name not in available:
                fix = f"{_PACKAGES[name]} on the database's server; then {fix}"
            return Finding.warning("extensions", f"{lacks}: {name} is not there", fix)
        if f"{name} in " not in applied.get("extensions", ""):
            return Finding.warning(
                "extensions", f"{lacks}: {name} came later", migrate_command(settings)
            )
    return Finding.ok("extensions", f"vector {there['vector']}, pg_trgm {there['pg_trgm']}")


def _cron(jobs: Mapping[str, Any] | None, available: Sequence[str], settings: Settings) -> Finding:
    schedule = "select private.schedule_jobs()"
    if jobs is None:
        fix = psql_command(settings, "create extension pg_cron", schedule)
        if "pg_cron" not in available:
            fix = f"{_PACKAGES['pg_cron']} on the database's server; then {fix}"
        says = "not there: a turn is answered in time only while a worker runs"
        return Finding.warning("pg_cron", says, fix)
    sweep = jobs.get(_SWEEP)
    if sweep is None:
        return Finding.problem("pg_cron", "nothing is scheduled", psql_command(settings, schedule))
    if not sweep["active"]:
        return Finding.problem(
            "pg_cron", f"{_SWEEP} is switched off", psql_command(settings, _ACTIVATE)
        )
    if sweep["fails"]:
        reasons = "select return_message from cron.job_run_details order by runid desc limit 5"
        return Finding.problem(
            "pg_cron", f"{_SWEEP} fails each time", psql_command(settings, reasons)
        )
    return Finding.ok("pg_cron", f"{_SWEEP} runs each second")


async def look_at_grants(client: AsyncRomashka, settings: Settings) -> Finding:
    """Compare who may do what with what the files grant: dumps, restores and hands change it."""
    installed = await client.call("get_romashka_installation")
    extras = [extra.text for extra in read_edition().recorded_extras(installed.get("files", {}))]
    wanted = read_grants(extras=extras)
    missing, surplus = differences(wanted, await client.call("get_romashka_grants"))
    says = [f"missing: {_some(missing)}"] * bool(missing)
    says += [f"additional: {_some(surplus)}"] * bool(surplus)
    if says:
        kind = Finding.problem if missing else Finding.warning
        return kind("grants", "; ".join(says), migrate_command(settings))
    return Finding.ok("grants", "as docs/security.md says")


def _some(things: Sequence[Grant | str]) -> str:
    more = f"; {len(things) - 3} more" if len(things) > 3 else ""
    return "; ".join(map(str, things[:3])) + more


async def look_at_guards(
    client: AsyncRomashka, installed: Mapping[str, Any], settings: Settings
) -> AsyncIterator[Finding]:
    """Say whether triggers, row security, policies and publication are as the files make them."""
    extras = [extra.text for extra in read_edition().recorded_extras(installed.get("files", {}))]
    try:
        told = await client.call("get_romashka_guards")
    except NotFound:  # an older edition: its migrations were named
        return
    lacks = missing_guards(read_guards(extras=extras), told)
    fix = migrate_command(settings)
    off = [f"off on {table}: everybody reads it" for table in lacks.row_security]
    for name, missing, says in (
        ("triggers", lacks.triggers, "all are on"),
        ("row security", off + [f"no policy {each}" for each in lacks.policies], "on everywhere"),
        ("publication", lacks.publication, "supabase_realtime has messages and conversations"),
    ):
        if missing:
            lost = "supabase_realtime lacks " * (name == "publication")
            yield Finding.problem(name, lost + _some(missing), fix)
        else:
            yield Finding.ok(name, says)


def _set_aside(count: int, settings: Settings) -> Finding:
    """Say whether turns wait because the project's own triggers or checks refuse their answers."""
    if not count:
        return Finding.ok("queue", "nothing is put aside")
    why = (
        "select conversation_id, reason from private.set_aside_reasons"
        " join ai_response_queue as jobs on jobs.id = job_id where set_aside_until > now()"
    )
    return Finding.problem(
        "queue", f"{count} turns cannot be settled and are put aside", psql_command(settings, why)
    )


def _foreign_triggers(failures: Sequence[Mapping[str, str]], settings: Settings) -> Finding:
    """Say which triggers of the project's own failed today: what they do is not done."""
    says = "; ".join(f"{each['trigger']} on {each['table']} ({each['code']})" for each in failures)
    why = "select * from private.trigger_failures order by failed_at desc limit 20"
    return Finding.warning(
        "triggers",
        f"of the project's own failed, which stopped nothing: {says}",
        psql_command(settings, why),
    )


def _open_tables(tables: Mapping[str, Sequence[str]], settings: Settings) -> Iterator[Finding]:
    """Say which other tables of the project a visitor of its page may use."""
    if visitors := tables.get("visitors"):
        yield Finding.problem(
            "tables",
            f"open to every anonymous user, as to whoever is signed in: {', '.join(visitors)}",
            f"{migrate_command(settings)}  # it closes them; --keep-open does not",
        )
    if everybody := tables.get("everybody"):
        yield Finding.warning(
            "tables",
            f"open to whoever has the anon key, as they were before: {', '.join(everybody)}",
            "give them row-level security and policies of their own, or revoke what anon may do",
        )


# ---- what answers


async def look_at_functions(client: AsyncRomashka, settings: Settings) -> Finding:
    """Call what a worker calls: one that is not there, or there twice, is told by the server."""
    for name, arguments in _CALLS.items():
        try:
            await client.call(name, **arguments)
        except ServerError as error:
            if error.name not in _REFUSALS_THAT_PROVE_IT:
                return Finding.problem(
                    "functions", f"{name}: {error}", _function_fix(error, settings)
                )
    return Finding.ok("functions", f"{len(_CALLS)} that a worker calls answer")


def _function_fix(error: ServerError, settings: Settings) -> str:
    if error.name == "PGRST203":
        return "drop the function that Romashka did not make; the line above names both"
    if error.name == "PGRST202":
        return psql_command(settings, "notify pgrst, 'reload schema'")
    return migrate_command(settings)


async def look_at_realtime(client: AsyncRomashka, settings: Settings) -> Finding:
    """Join the private topic that wakes workers."""
    listener = None
    try:
        async with asyncio.timeout(_REALTIME_SECONDS), client.topics.listen(TOPIC) as listener:
            await anext(listener)
    except RomashkaError as error:
        return Finding.problem("realtime", str(error), migrate_command(settings))
    except TimeoutError:
        trouble = (listener and listener.trouble) or "the server does not answer"
        return Finding.problem(
            "realtime",
            f"{trouble}; workers poll, and screens see nothing until they are loaded again",
            f"curl -i {settings.supabase_url.rstrip('/')}/realtime/v1/api/ping  # is it enabled?",
        )
    return Finding.ok("realtime", f"joined the private topic {TOPIC}")
