-- Purpose: what earlier editions had and this one has not: it goes before the rest is made. Each line stays as long
--          as an edition that has the object can be upgraded.
-- Touches: functions, triggers and policies of earlier editions.

-- It has one column more since 0.2.
drop function if exists public.get_messaging_slo(integer);
