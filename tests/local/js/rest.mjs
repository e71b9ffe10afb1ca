// Reads, writes and calls with supabase-js as frontends do; prints what each call gave, as one JSON object.
import { createClient } from "@supabase/supabase-js";
import WebSocket from "ws";

const [url, key] = process.argv.slice(2);
const client = createClient(url, key, {
  auth: { persistSession: false, autoRefreshToken: false },
  realtime: { transport: WebSocket },
});
const seen = {};
const ask = async (name, call) => {
  const { data, error, count, status } = await call;
  seen[name] = error ? { status, code: error.code, hint: error.hint } : { status, data };
  if (count !== null && count !== undefined) seen[name].count = count;
};
const books = () => client.from("books");
const counters = () => client.from("counters");

await ask("embedded", books().select("title, authors(name), genres(label)").eq("id", 1).single());
await ask("counted", books().select("id", { count: "exact" }).gte("pages", 300).order("id").range(0, 0));
await ask("head", books().select("*", { count: "exact", head: true }).in("id", [1, 2]));
await ask("or", books().select("id").or("id.eq.1,and(pages.gt.300,mood.is.null)").order("id"));
await ask("nested or", client.from("authors").select("id, books!inner(id)")
  .or("title.eq.Ferries,title.eq.none", { referencedTable: "books" }));
await ask("containing", books().select("id").contains("tags", ["travel", "steam"]));
await ask("within", books().select("id").overlaps("printed_in", "[1995,1996]"));
await ask("searched", books().select("id").textSearch("summary", "fjords north", { type: "websearch" }));
await ask("json", client.from("authors").select("city:profile->home->>city").eq("profile->>age", 36));
await ask("maybe", books().select("id").eq("id", 999).maybeSingle());
await ask("inserted", counters().insert([{ name: "js-1" }, { name: "js-2", value: 2 }], { defaultToNull: false }).select());
await ask("upserted", counters().upsert({ name: "js-1", value: 9 }).select("value").single());
await ask("ignored", counters().upsert({ name: "js-1", value: 0 }, { ignoreDuplicates: true }).select());
await ask("updated", counters().update({ value: 3 }).like("name", "js-%").select("name, value").order("name"));
await ask("too many", counters().update({ value: 4 }).like("name", "js-%").maxAffected(1));
await ask("deleted", counters().delete().eq("name", "js-2"));
await ask("called", client.rpc("add", { a: 2, b: 3 }));
await ask("called by get", client.rpc("add", { a: 1, b: 2 }, { get: true }));
await ask("rows of a call", client.rpc("books_of", { author: "Bo" }).select("id, authors(name)").limit(1));
await ask("csv", books().select("id,title").eq("id", 1).csv());
await ask("missing table", client.from("bookz").select());
await ask("duplicate", client.from("genres").insert({ id: 1, label: "again" }));
console.log(JSON.stringify(seen));
