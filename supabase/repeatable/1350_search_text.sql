-- Purpose: text as a search sees it: without case, accents and signs, in words and parts of words.
-- Touches: functions, which indexes are made of (1355_search_indexes.sql): whoever changes one makes its index anew.
-- Locks:   none.
-- Undo:    drop the indexes, then the functions.

-- Letter by letter, so that a place in the result is one in the text: only what comes composed (nfc) may be given here
-- where that matters.
create or replace function private.fold(content text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
begin
  if octet_length(content) = length(content) then
    return lower(content);
  end if;
  return normalize(translate(replace(replace(replace(replace(
    regexp_replace(lower(normalize(lower(content), nfkd)), '[\u0300-\u036f]', '', 'g'),
    'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th'), 'øłđðħıς', 'olddhiσ'), nfc);
end $$;
comment on function private.fold is 'A text without case and accents, wide and narrow forms alike.';

-- Chinese, Japanese, Thai and the like are written without spaces, and what is written in Korean begins with a word and
-- ends with a particle: their letters in a row are one piece, of which each two are looked for.
create or replace function private.is_unspaced(word text)
returns boolean
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
begin
  return ascii(word) >= 3584
    and word ~ '^[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3040-\u30ff\u3105-\u312f\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]';
end $$;
comment on function private.is_unspaced is 'Is it of a script that puts no spaces between words?';

create or replace function private.spaced(content text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_text text;
begin
  if octet_length(content) = length(content) then  -- the same, in a third of the time
    return ' ' || regexp_replace(lower(content), '[^a-z0-9]+', ' ', 'g') || ' ';
  end if;
  v_text := private.fold(content);
  if octet_length(v_text) > length(v_text) then
    v_text := regexp_replace(v_text, '([\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3040-\u30ff\u3105-\u312f\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]+)', ' \1 ', 'g');
  end if;
  return ' ' || regexp_replace(v_text, '[\u0001-\u002f:-@[-`{-\u00bf\u00d7\u00f7\u2000-\u206f\u3000-\u3004\u3008-\u3020\u3030\ufeff]+', ' ', 'g') || ' ';
end $$;
comment on function private.spaced is 'The words of a text, folded, each between two spaces.';

-- People write a number with signs between its digits, and look for it without: it is there once more in one piece. Of a
-- long text the beginning is searched.
create or replace function private.search_text(content text)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = ''
as $$
declare
  v_content text := left(content, 10000);
begin
  return private.spaced(v_content) || case when v_content ~ '[0-9][ ()./-]+[0-9]' then coalesce((
    select string_agg(number.digits, ' ') || ' ' from (
      select regexp_replace(written[1], '[^0-9]', '', 'g') as digits
      from regexp_matches(v_content, '[0-9][0-9 ()./-]{5,30}[0-9]', 'g') as written
    ) as number
    where length(number.digits) between 6 and 20
  ), '') else '' end;
end $$;
comment on function private.search_text is 'What is searched of a text: its words, and its numbers in one piece.';

-- A word is there as it is (=parcel) and from each of its letters on (arcel, rcel, cel): so whatever part of it is asked
-- for begins one of them. Every message that is written pays for this: a loop costs a fraction of what a query does.
create or replace function private.search_tokens(content text)
returns tsvector
language plpgsql
immutable
strict
parallel safe
cost 1000
security definer  -- the index of messages calls it, whoever writes one
set search_path = ''
as $$
declare
  v_word text;
  v_tokens text[] := '{}';
begin
  foreach v_word in array string_to_array(btrim(private.search_text(content)), ' ') loop
    if ascii(v_word) >= 3584 and private.is_unspaced(v_word) then
      for v_place in 1 .. length(v_word) loop
        v_tokens := v_tokens || substr(v_word, v_place, 2);
      end loop;
    elsif v_word <> '' then
      v_tokens := v_tokens || ('=' || left(v_word, 64));
      for v_place in 2 .. least(length(v_word) - 2, 32) loop
        v_tokens := v_tokens || substr(v_word, v_place, 64);
      end loop;
    end if;
  end loop;
  return array_to_tsvector(v_tokens);
end $$;
comment on function private.search_tokens is 'The words of a text and their parts, as an index has them.';

-- What a search asks for. `parts` finds words that contain the terms; where one has less than three letters, words that
-- begin with it. Of a phrase in quotes the words stand side by side.
create or replace function private.parse_search(query text)
returns jsonb
language plpgsql
immutable
security invoker
set search_path = ''
as $$
declare
  v_digits text := ltrim(regexp_replace(query, '[^0-9]', '', 'g'), '0');
  v_terms text[] := array(
    select left(word, 64) from unnest(string_to_array(btrim(private.spaced(query)), ' ')) with ordinality as words (word, place)
    where word <> '' group by left(word, 64) order by min(place) limit 8
  );
begin
  if query ~ '^\s*\+?[0-9 ()./-]{6,40}\s*$' and length(v_digits) between 5 and 20 then
    v_terms := array[v_digits];  -- a number: whatever stands between its digits, and in front of it
  end if;
  return (
    select jsonb_build_object('terms', to_jsonb(v_terms),
      'whole', string_agg(case when is_unspaced then pairs.condition else quote_literal('=' || term) end, ' & '),
      'parts', string_agg(case when is_unspaced then pairs.condition
        when length(term) < 3 then quote_literal('=' || term) || ':*'
        else format('(%L:* | %L:*)', '=' || term, term) end, ' & '),
      'like_whole', jsonb_agg(case when is_unspaced then '%' || term || '%' else '% ' || term || ' %' end),
      'like_parts', jsonb_agg(case when is_unspaced or length(term) > 2 then '%' || term || '%' else '% ' || term || '%' end),
      -- what lower() alone shows: of Latin letters in a text that has no others; of Cyrillic and Chinese in any
      'like_latin', coalesce(jsonb_agg('%' || term || '%') filter (where term ~ '^[a-z]+$'), '[]'),
      'like_plain', coalesce(jsonb_agg('%' || translate(term, 'еиугк', '_____') || '%')
        filter (where term ~ '^[\u0430-\u044f\u4e00-\u9fff]+$'), '[]'),
      'like_exact', coalesce(jsonb_agg('%' || term || '%') filter (where is_unspaced and length(term) > 2), '[]') || (
        select coalesce(jsonb_agg(replace('%' || private.spaced(phrase[1]) || '%', '%  ', '% ')), '[]')
        from regexp_matches(query, '["\u201c\u201d\u201e\u00ab\u00bb]([^"\u201c\u201d\u201e\u00ab\u00bb]+)["\u201c\u201d\u201e\u00ab\u00bb]', 'g') as phrase
        where private.spaced(phrase[1]) ~ '\S\s+\S'
      ))
    from (select term, private.is_unspaced(term) as is_unspaced from unnest(v_terms) as term) as terms
    left join lateral (
      select string_agg(quote_literal(substr(term, place, 2)) || case length(term) when 1 then ':*' else '' end, ' & ') as condition
      from generate_series(1, greatest(length(term) - 1, 1)) as place
      where is_unspaced
    ) as pairs on true
  );
end $$;
comment on function private.parse_search is 'A search as its terms, as queries of the index, and as patterns of private.search_text.';

-- Around the first of the terms; as pieces, each with what it is, as places would be counted differently everywhere.
create or replace function private.excerpt(content text, terms text[])
returns jsonb
language plpgsql
immutable
security invoker
set search_path = ''
as $$
declare
  v_content text := normalize(left(content, 10000), nfc);
  v_folded text := private.fold(v_content);
  v_found text[];
  v_at integer;
  v_low integer := 1;
  v_high integer := length(v_content);
  v_window text;
  v_marks text;
  v_text text;
  v_place integer;
  v_part text;
  v_run text;
  v_parts jsonb := '[]';
begin
  -- A number may be written with signs between its digits.
  v_found := array(
    select coalesce((regexp_match(v_folded, regexp_replace(term, '(\d)', '\1[ ()./-]*', 'g')))[1], term)
    from unnest(terms) as term where term ~ '^\d{5,}$'
    union all select term from unnest(terms) as term where term !~ '^\d{5,}$'
  );
  v_at := coalesce((select min(strpos(v_folded, term)) from unnest(v_found) as term where strpos(v_folded, term) > 0), 1);
  if length(v_folded) <> length(v_content) then  -- the place in the text that the folded place is of
    while v_low < v_high loop
      v_place := (v_low + v_high) / 2;
      if length(private.fold(left(v_content, v_place))) < v_at then
        v_low := v_place + 1;
      else
        v_high := v_place;
      end if;
    end loop;
    v_at := v_low;
  end if;
  v_at := greatest(v_at - 60, 1);
  v_window := substr(v_content, v_at, 200);
  v_text := private.fold(v_window);
  v_marks := repeat('0', length(v_text));
  for v_part in select distinct term from unnest(v_found) as term where term <> '' loop
    v_low := 1;
    loop
      v_high := strpos(substr(v_text, v_low), v_part);
      exit when v_high = 0;
      v_marks := overlay(v_marks placing repeat('1', length(v_part)) from v_low + v_high - 1);
      v_low := v_low + v_high - 1 + length(v_part);
    end loop;
  end loop;
  if length(v_text) <> length(v_window) then  -- the marks of the text as it was written, letter by letter
    v_marks := (
      select string_agg(case when strpos(substr(v_marks, folded.upto - folded.length + 1, folded.length), '1') > 0 then '1' else '0' end,
        '' order by folded.place)
      from (
        select place, length(private.fold(substr(v_window, place, 1)))::integer as length,
          sum(length(private.fold(substr(v_window, place, 1)))) over (order by place)::integer as upto
        from generate_series(1, length(v_window)) as place
      ) as folded
    );
  end if;
  if v_at > 1 then
    v_parts := v_parts || jsonb_build_object('text', '…', 'is_match', false);
  end if;
  v_low := 1;
  for v_run in select run[1] from regexp_matches(v_marks, '0+|1+', 'g') as run loop
    v_parts := v_parts || jsonb_build_object('text', substr(v_window, v_low, length(v_run)), 'is_match', v_run like '1%');
    v_low := v_low + length(v_run);
  end loop;
  return v_parts || case when v_at + 200 <= length(v_content) or length(content) > 10000 then
    jsonb_build_object('text', '…', 'is_match', false) else '[]'::jsonb end;
end $$;
comment on function private.excerpt is 'What stands around the terms of a search in a text: [{text, is_match}].';
