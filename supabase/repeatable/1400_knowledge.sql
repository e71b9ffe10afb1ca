-- Purpose: what the AI may answer from. How it is found is in the next files.
-- Touches: public.knowledge_items.
-- Undo:    drop the policies and the trigger.

create or replace trigger knowledge_items_touch before update on public.knowledge_items
  for each row execute function private.touch_updated_at();

drop policy if exists "Allow authenticated access to knowledge items" on public.knowledge_items;

drop policy if exists "staff read the knowledge base" on public.knowledge_items;
create policy "staff read the knowledge base" on public.knowledge_items
  for select to authenticated using ((select private.is_staff()));

drop policy if exists "staff add knowledge" on public.knowledge_items;
create policy "staff add knowledge" on public.knowledge_items
  for insert to authenticated with check ((select private.is_staff()));

drop policy if exists "staff change knowledge" on public.knowledge_items;
create policy "staff change knowledge" on public.knowledge_items
  for update to authenticated using ((select private.is_staff())) with check ((select private.is_staff()));

drop policy if exists "staff remove knowledge" on public.knowledge_items;
create policy "staff remove knowledge" on public.knowledge_items
  for delete to authenticated using ((select private.is_staff()));
