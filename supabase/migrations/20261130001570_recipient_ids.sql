-- Purpose: what a channel calls the one that a message went to.
-- Touches: type private.delivery_result.
-- Undo:    alter type private.delivery_result drop attribute recipient_ids.

do $$
begin
  if not exists (
    select from pg_catalog.pg_attribute as attributes
    join pg_catalog.pg_class as types on types.oid = attributes.attrelid
    where types.relname = 'delivery_result' and types.relnamespace = 'private'::regnamespace
      and attributes.attname = 'recipient_ids' and not attributes.attisdropped
  ) then
    alter type private.delivery_result add attribute recipient_ids text[];
  end if;
end $$;
