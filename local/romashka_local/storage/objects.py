"""Rows of `storage.objects`: found, written, listed and removed in a transaction of the caller."""

from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from romashka_local.storage.errors import access_denied, object_not_found
from romashka_local.storage.files import StoredFile
from romashka_local.storage.server import Caller, Connection, Row, object_key

_FIND = """select id, name, bucket_id, version, metadata, user_metadata, created_at, updated_at,
  owner, owner_id, last_accessed_at from storage.objects where bucket_id = %s and name = %s"""
_COLUMNS = """(bucket_id, name, version, owner, owner_id, metadata, user_metadata)
  values (%(bucket_id)s, %(name)s, %(version)s, %(owner)s, %(owner_id)s, %(metadata)s,
    %(user_metadata)s)"""
_INSERT = f"insert into storage.objects {_COLUMNS}"
_UPSERT = f"""{_INSERT} on conflict (bucket_id, name) do update set version = excluded.version,
  owner = coalesce(excluded.owner, objects.owner),
  owner_id = coalesce(excluded.owner_id, objects.owner_id), metadata = excluded.metadata,
  user_metadata = excluded.user_metadata returning *"""
# One level of a folder: its files, and each folder below it once. Sorted by name both mix; by
# anything else, which folders do not have, they come first.
_LIST = """with found as (
    select *, substr(name, length(%(prefix)s) + 1) as rest from storage.objects
    where bucket_id = %(bucket_id)s and starts_with(lower(name), lower(%(prefix)s))
  ), entries as (
    select rest as name, id, updated_at, created_at, last_accessed_at, metadata
    from found where position('/' in rest) = 0
    union all
    select distinct split_part(rest, '/', 1), null::uuid, null::timestamptz, null::timestamptz,
      null::timestamptz, null::jsonb
    from found where position('/' in rest) > 0
  )
  select * from entries where starts_with(lower(name), lower(%(search)s))
  order by {order} limit %(limit)s offset %(offset)s"""


@dataclass(frozen=True, slots=True)
class NewObject:
    """An object to be written: where, whose, and what its uploader says of it."""

    bucket_id: str
    name: str
    caller: Caller
    metadata: Row
    user_metadata: Row | None

    def row(self, version: str, metadata: Row) -> Row:
        return {
            "bucket_id": self.bucket_id,
            "name": self.name,
            "version": version,
            "owner": self.caller.owner_uuid,
            "owner_id": self.caller.owner,
            "metadata": Jsonb(metadata),
            "user_metadata": Jsonb(self.user_metadata) if self.user_metadata else None,
        }


async def find_object(connection: Connection, bucket_id: str, name: str) -> Row:
    """Return the object, or raise that there is none that the transaction's role may see."""
    cursor = await connection.execute(_FIND, [bucket_id, object_key(name)])
    found = await cursor.fetchone()
    if found is None:
        raise object_not_found()
    return found


async def try_writing(connection: Connection, new: NewObject, *, upsert: bool) -> None:
    """Let policies and constraints judge a write, and take it back.

    Asked before the content is stored: what is not allowed leaves no file.
    """
    statement = _UPSERT if upsert else _INSERT
    async with connection.transaction(force_rollback=True):
        await connection.execute(statement, new.row("1", new.metadata))


async def write_object(
    connection: Connection, new: NewObject, stored: StoredFile
) -> tuple[Row, str | None]:
    """Write the row of a stored file; return it, and the version that it replaced."""
    metadata = new.metadata | {
        "eTag": stored.etag,
        "size": stored.size,
        "contentLength": stored.size,
        "lastModified": stored.stored_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "httpStatusCode": 200,
    }
    cursor = await connection.execute(
        "select version from storage.objects where bucket_id = %s and name = %s for update",
        [new.bucket_id, new.name],
    )
    replaced = await cursor.fetchone()
    cursor = await connection.execute(_UPSERT, new.row(stored.version, metadata))
    written = await cursor.fetchone()
    if written is None:  # a trigger of the project dropped it
        raise access_denied()
    return written, replaced["version"] if replaced else None


async def list_objects(connection: Connection, **parameters: Any) -> list[Row]:
    """Return one level of a folder; `column` is one of the known ones."""
    column, direction = parameters.pop("column"), parameters.pop("direction")
    order = (
        f"{column} {direction}"
        if column == "name"
        else f"id is not null, {column} {direction}, name"
    )
    cursor = await connection.execute(_LIST.format(order=order).encode(), parameters)
    return await cursor.fetchall()


async def remove_objects(connection: Connection, bucket_id: str, names: list[str]) -> list[Row]:
    """Remove those of `names` that the transaction's role may remove, and return them."""
    cursor = await connection.execute(
        """delete from storage.objects where bucket_id = %s and name = any(%s)
           returning name, bucket_id, owner, owner_id, version, id, updated_at, created_at,
             last_accessed_at, metadata, user_metadata""",
        [bucket_id, names],
    )
    return await cursor.fetchall()
