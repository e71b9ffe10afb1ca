"""Rules for everything in the database, asked of its catalog instead of its authors."""

import psycopg
import pytest

RULES = {
    "a table has row-level security": """
        select oid::regclass::text from pg_class
        where relnamespace in ('public'::regnamespace, 'private'::regnamespace)
          and relkind = 'r' and not relrowsecurity
    """,
    "a function pins its search path": """
        select oid::regprocedure::text from pg_proc
        where pronamespace in ('public'::regnamespace, 'private'::regnamespace) and prokind = 'f'
          and not coalesce(proconfig, '{}') @> array['search_path=""']
    """,
    "a function says what it does": """
        select oid::regprocedure::text from pg_proc
        where pronamespace in ('public'::regnamespace, 'private'::regnamespace)
          and obj_description(oid, 'pg_proc') is null
    """,
    "a definer function is called by the service role, a trigger or a policy": """
        select oid::regprocedure::text from pg_proc
        where pronamespace = 'public'::regnamespace and prosecdef
          and (has_function_privilege('authenticated', oid, 'execute')
            or has_function_privilege('anon', oid, 'execute'))
    """,
    "without a session one is told so, and what everybody may know; a worker gets no job": """
        select oid::regprocedure::text from pg_proc
        where pronamespace in ('public'::regnamespace, 'private'::regnamespace)
          and has_function_privilege('anon', oid, 'execute')
          and proname not in ('create_conversation', 'get_next_ai_response_job', 'search_tokens',
            'get_widget_settings', 'widget_settings')
    """,
    "no table is open to the anon key": """
        select oid::regclass::text from pg_class
        where relnamespace = 'public'::regnamespace and relkind = 'r'
          and has_table_privilege('anon', oid, 'select, insert, update, delete')
    """,
    "a foreign key has an index": """
        select conrelid::regclass || '.' || conname from pg_constraint
        where contype = 'f' and connamespace = 'public'::regnamespace and not exists (
          select from pg_index
          where indrelid = conrelid and conkey <@ (indkey::int2[])[0:cardinality(conkey) - 1]
        )
    """,
    "a name has one function: a bare call is never ambiguous": """
        select proname::text from pg_proc where pronamespace = 'public'::regnamespace
        group by proname having count(*) > 1
    """,
    "a policy names its roles": """
        select schemaname || '.' || tablename || ': ' || policyname from pg_policies
        where schemaname = 'public' and roles = '{public}'
    """,
}


@pytest.mark.parametrize("rule", RULES)
def test_the_rule_holds(db: psycopg.Connection[tuple[str]], rule: str) -> None:
    """A migration that forgets one of these opens a hole, or a trap for the next author."""
    assert db.execute(RULES[rule]).fetchall() == []  # type: ignore[call-overload]  # a constant of ours
