"""Triggers that a project makes on our tables later: they run inside our functions, too."""

from tests.database.inbox import Inbox

_COUNT = """
create table public.counted (conversation_id uuid);
create function public.count_message() returns trigger language plpgsql as $$
begin
  insert into counted values (new.conversation_id);
  return new;
end $$;
create trigger {name} after insert on public.messages
  for each row execute function public.count_message();
"""


def _make(inbox: Inbox, name: str) -> None:
    inbox.run(_COUNT.format(name=name))
    inbox.run("grant insert on public.counted to authenticated")


def test_a_trigger_without_a_path_is_given_one_within_a_minute(inbox: Inbox) -> None:
    """As most are written; its first failure would be a customer's."""
    for name in ("aa_count", "zz_count"):
        with inbox.connection.transaction(force_rollback=True):
            _make(inbox, name)
            inbox.run("select public.prune()", by="service_role")
            conversation = inbox.open(inbox.user(), "one")
            inbox.settle(inbox.claim()[0])

            [counted] = inbox.run("select count(*) from public.counted")
            assert counted["count"] == len(inbox.messages(conversation)) == 2


def test_one_that_has_a_path_keeps_it(inbox: Inbox) -> None:
    """Whoever set it knew why."""
    _make(inbox, "count")
    inbox.run("alter function public.count_message() set search_path = pg_catalog")
    inbox.run("select public.prune()", by="service_role")

    found = inbox.one("select proconfig from pg_proc where proname = 'count_message'")
    assert found["proconfig"] == ["search_path=pg_catalog"]
