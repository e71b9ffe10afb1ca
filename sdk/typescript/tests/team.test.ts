/** Who is staff: with an admin's own token, and no key that must not leave the server. */
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { Conflict, InvalidRequest, NotFound, PermissionDenied, type Romashka } from "romashka";

import { connect, newAgent, newCustomer, service } from "./project.js";
import { ANON_KEY } from "./settings.js";

const idOf = async (client: Romashka) => (await client.supabase.auth.getUser()).data.user!.id;

async function newAdmin(): Promise<Romashka> {
  const client = await newAgent();
  await service.team.setRole(await idOf(client), "admin");
  return client;
}

test("an admin gives and takes roles", async () => {
  const [admin, agent] = [await newAdmin(), await newAgent()];
  const [me, colleague] = [await idOf(admin), await idOf(agent)];
  await rejects(
    admin.team.setRole(me, "agent"),
    (error) => error instanceof PermissionDenied && error.code === "own_role",
  );
  await rejects(
    agent.team.setRole(colleague, "admin"),
    (error) => error instanceof PermissionDenied && error.code === "admin_only",
  );
  await rejects(admin.team.setRole(randomUUID(), "agent"), NotFound);
  const roles = new Map((await agent.team.list()).map(({ id, role }) => [id, role]));
  deepEqual([roles.get(me), roles.get(colleague)], ["admin", "agent"]);
  await admin.team.setRole(colleague, "user");
  ok(!(await admin.team.list()).some(({ id }) => id === colleague));
});

test("an invitation waits for an address that is proven", async () => {
  const [admin, customer] = [await newAdmin(), await newCustomer()];
  const email = `Ada-${randomUUID()}@Example.com`;
  const made = await admin.team.invite(email, "admin");
  deepEqual([made.email, made.role], [email.toLowerCase(), "admin"]);
  await rejects(admin.team.invite("nobody"), InvalidRequest);
  await rejects(customer.team.invite(email), PermissionDenied);
  deepEqual(await customer.team.invitations(), []);
  const { data, error } = await connect(ANON_KEY).supabase.auth.signUp({
    email,
    password: "long enough",
  });
  if (error) throw error;
  const waits = async () => (await admin.team.invitations()).some(({ id }) => id === made.id);
  equal(await waits(), true);
  ok(!(await admin.team.list()).some(({ id }) => id === data.user!.id));
  await rejects(
    admin.team.invite(email),
    (refusal) => refusal instanceof Conflict && refusal.code === "account_exists",
  );
  await admin.team.revoke(made.id);
  equal(await waits(), false);
});
