-- The whole product: who reads and writes what, in each of the forms that its policies have.

do $$
declare
  v_name text;
  v_form record;
begin
  for v_name in
    select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' and relname not in (
      'communication_channels', 'oauth_tokens', 'synced_contacts', 'synced_deals', 'synced_orders', 'synced_products')
  loop
    execute format('alter table public.%I enable row level security', v_name);
  end loop;

  -- Everybody who is signed in.
  for v_form in
    select * from (values
      ('Allow authenticated access', 'public', $q$auth.role() = 'authenticated'$q$, array[
        'customer_profiles', 'conversations', 'messages', 'knowledge_items', 'communication_channels',
        'conversation_analytics', 'conversation_notes', 'webhook_events', 'agent_availability', 'canned_responses',
        'conversation_context', 'conversation_transfers', 'sla_tracking', 'file_attachments', 'message_templates',
        'message_delivery_tracking', 'channel_routing_rules', 'knowledge_categories', 'knowledge_versions',
        'knowledge_analytics', 'daily_metrics', 'audit_logs', 'integrations', 'workflows', 'workflow_executions',
        'webhook_logs', 'webhook_subscriptions', 'sync_jobs', 'alert_rules', 'scheduled_reports']),
      ('Users can manage their own rows', 'public', 'auth.uid() is not null', array[
        'oauth_tokens', 'hubspot_portals', 'salesforce_orgs', 'shopify_stores', 'synced_contacts', 'synced_deals',
        'synced_orders', 'synced_products', 'integration_logs']),
      ('Signed-in access', 'authenticated', 'true', array['human_agents', 'template_categories']),
      ('Agents can manage escalations', 'authenticated', $q$(select auth.jwt()) ->> 'role' = 'authenticated'$q$,
        array['escalation_requests', 'notifications'])
    ) as forms (name, grantee, expression, tables)
  loop
    foreach v_name in array v_form.tables loop
      execute format('create policy %I on public.%I for all to %s using (%s)',
        v_form.name, v_name, v_form.grantee, v_form.expression);
    end loop;
  end loop;

  -- Everybody.
  foreach v_name in array array['typing_indicators', 'conversation_metrics', 'workflow_executions',
    'escalation_reasons'] loop
    execute format('create policy %I on public.%I for select using (true)', 'Public can view ' || v_name, v_name);
    execute format('create policy %I on public.%I for insert with check (true)', 'Public can create ' || v_name, v_name);
  end loop;
  foreach v_name in array array['typing_indicators', 'conversation_metrics'] loop
    execute format('create policy %I on public.%I for update using (true)', 'Public can update ' || v_name, v_name);
  end loop;
  foreach v_name in array array['ab_tests', 'website_scans', 'system_settings'] loop
    execute format('create policy %I on public.%I for all to anon, authenticated using (true) with check (true)',
      'Allow all operations on ' || v_name, v_name);
  end loop;

  -- Each their own.
  foreach v_name in array array['chat_widget_configs', 'api_keys'] loop
    execute format('create policy %I on public.%I for all using (auth.uid() = user_id)', 'Own ' || v_name, v_name);
  end loop;
end $$;

create policy "System can insert audit logs" on public.security_audit_logs for insert with check (true);
-- encryption_keys has no policy: nobody's.

-- Off, with the policies that it makes idle: open by the grants.
grant all on public.synced_contacts, public.synced_deals, public.synced_orders, public.synced_products
to anon, authenticated, public;
revoke all on public.oauth_tokens from anon, public;
grant all on public.oauth_tokens to authenticated;
