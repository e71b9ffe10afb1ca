"""Queue throughput beside pgmq: claim and settle, on one server in one run, with pgbench.

    python bench/queue_throughput.py [--jobs 20000] [--clients 8] [--edition FOLDER ...]

Each further edition, a `supabase` folder, is measured beside this one, on a server of its own.
Prints jobs a second, singly and in batches of 50, and the ratio to what pgmq reads and archives.
The server is durable (fsync on). `reply` writes the message, the conversation, the metrics and the
events; `no reply` ends the job alone, as superseding does, and is what compares with an archive.
Needs pgmq's SQL: pip install --no-deps pgmq.
"""

import argparse
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import psycopg
from editions import server_with
from romashka._migration_files import product_folder
from romashka_local.postgres import Cluster, find_binaries

# Everything that a settle touches, without the triggers that would make it slow to set up.
FILL = """
set session_replication_role = replica;
truncate public.conversations, public.messages, public.ai_response_queue cascade;
insert into public.conversations (id, channel_type, status, message_count)
select gen_random_uuid(), 'website', 'active', 1 from generate_series(1, {jobs});
insert into public.messages (conversation_id, sender_type, content, position)
select id, 'user', 'What does it cost?', 1 from public.conversations;
insert into public.ai_response_queue (conversation_id, message_id, user_message, turn_id,
  turn_started_at, deadline)
select conversation_id, id, content, id, now(), now() + interval '1 hour' from public.messages;
update public.ai_settings set cap_ms = 4000;
set session_replication_role = origin;
vacuum analyze public.conversations, public.messages, public.ai_response_queue;
"""
CLAIM = """
select coalesce(jsonb_agg(jsonb_build_object('job_id', job_id, 'attempt', attempt,
  'action', 'reply', 'ai_response', 'It is free.', 'confidence', 0.9, 'language', 'en')), '[]')
  as results
from public.get_next_ai_response_job('bench', {batch}, 30) \\gset
"""
SETTLE = "select count(*) from public.complete_ai_response_jobs(:results);\n"
# What ends a job without an answer: one update of the queue.
END = """
update public.ai_response_queue as jobs
set status = 'failed', outcome = 'superseded', leased_until = null, completed_at = clock_timestamp()
from jsonb_to_recordset(:results) as done (job_id uuid, attempt int)
where jobs.id = done.job_id and jobs.attempt = done.attempt and jobs.status = 'processing';
"""
PGMQ_FILL = """
select pgmq.create('bench');
select pgmq.purge_queue('bench');
truncate pgmq.a_bench;
select count(*) from pgmq.send_batch('bench', array(
  select jsonb_build_object('text', 'What does it cost?') from generate_series(1, {jobs})));
vacuum analyze pgmq.q_bench;
"""
PGMQ = """
select coalesce(array_agg(msg_id), '{{}}')::text as ids from pgmq.read('bench', 30, {batch}) \\gset
select count(*) from pgmq.archive('bench', cast(:ids as bigint[]));
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=20_000, help="jobs in the queue at the start")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--edition", type=Path, action="append", default=[])
    options = parser.parse_args()
    print(f"{'':44}{'jobs/s':>10}{'of pgmq':>10}")
    for folder in (product_folder(), *options.edition):
        with server_with(folder) as cluster:
            _install_pgmq(cluster)
            _measure(cluster, folder.parent.name, options)


def _install_pgmq(cluster: Cluster) -> None:
    found = find_spec("pgmq")
    if found is None or found.origin is None:
        sys.exit("unable to compare; pip install --no-deps pgmq, it brings the SQL")
    _run(cluster, (Path(found.origin).parent / "sql" / "pgmq.sql").read_text(encoding="utf-8"))


def _run(cluster: Cluster, script: str) -> None:
    psql = [find_binaries().folder / "psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", cluster.url()]
    subprocess.run(psql, input=script, text=True, check=True, stdout=subprocess.DEVNULL)


def _measure(cluster: Cluster, edition: str, options: argparse.Namespace) -> None:
    for batch in (1, 50):
        pgmq = _throughput(cluster, PGMQ_FILL, PGMQ, batch, options)
        print(f"{f'{edition}: pgmq, batches of {batch}':44}{pgmq:>10,.0f}", flush=True)
        for name, script in (("reply", CLAIM + SETTLE), ("no reply", CLAIM + END)):
            ours = _throughput(cluster, FILL, script, batch, options)
            title = f"{edition}: {name}, batches of {batch}"
            print(f"{title:44}{ours:>10,.0f}{ours / pgmq:>10.2f}", flush=True)


def _throughput(
    cluster: Cluster, fill: str, script: str, batch: int, options: argparse.Namespace
) -> float:
    """Return the jobs a second that pgbench's clients take from a full queue and end."""
    _run(cluster, fill.format(jobs=options.jobs))
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script.format(batch=batch))
        file.flush()
        # No client may find the queue empty: that would be the cheapest job of all.
        turns = max(1, options.jobs // batch // options.clients - 2)
        command = [find_binaries().folder / "pgbench", "-n", "-M", "prepared", "-f", file.name]
        command += ["-c", str(options.clients), "-j", "2", "-t", str(turns), cluster.url()]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        sys.exit(f"unable to measure; {ran.stderr}")
    line = next(line for line in ran.stdout.splitlines() if "without initial" in line)
    seconds = turns * options.clients / float(line.split()[2])
    return _ended_jobs(cluster, is_ours=fill is FILL) / seconds


def _ended_jobs(cluster: Cluster, *, is_ours: bool) -> int:
    """Count what was ended: a claim that raced another one for the same job has none."""
    ours = "select count(*) from public.ai_response_queue where outcome is not null"
    with psycopg.connect(cluster.url()) as connection:
        row = connection.execute(
            ours if is_ours else "select count(*) from pgmq.a_bench"
        ).fetchone()
    return int(row[0]) if row else 0


if __name__ == "__main__":
    main()
