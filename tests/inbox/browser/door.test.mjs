// Who gets in, what those see who do not, and what becomes of a session that ends.
import { deepEqual, equal, ok } from "node:assert/strict";
import { before, test } from "node:test";

import { eventually, open, openAs, serve, sessionOf, signIn } from "./browser.mjs";
import { account, ANON_KEY, API_URL, request, SERVICE_ROLE_KEY, visitor } from "./project.mjs";

let ada;
before(async () => void (ada = await account("Ada Agent", "agent")));

for (const [config, said] of [
  [null, /There is no config.json/],
  ["<!doctype html>", /There is no config.json/],
  ["{", /is not JSON/],
  [{ url: "javascript:alert(1)", anonKey: "key" }, /“url”/],
  [{ url: "https://example.com" }, /“anonKey” is missing/],
  [{ url: "https://example.com", anonKey: SERVICE_ROLE_KEY }, /secret key/],
  [{ url: "https://example.com", anonKey: "sb_secret_abc" }, /secret key/],
]) {
  test(`a config.json that is ${JSON.stringify(config)?.slice(0, 40)} is named`, async () => {
    const page = await open(await serve(undefined, config));
    const text = await page.getByRole("alert").innerText();
    ok(said.test(text), text);
    ok(!text.includes(SERVICE_ROLE_KEY));
  });
}

test("a project that cannot be reached is said at the door", async () => {
  const page = await open(await serve(undefined, { url: "http://127.0.0.1:9", anonKey: ANON_KEY }));
  await signIn(page, ada);
  await page.getByText("The project does not answer.").waitFor();
});

test("staff get in by their password, and no token is in an address", async () => {
  const page = await open(await serve());
  await signIn(page, { ...ada, password: "wrong" });
  await page.getByText("E-mail and password do not match").waitFor();
  await signIn(page, ada);
  await page.getByRole("navigation", { name: "Views" }).waitFor();
  ok(!/token|code=/.test(page.url()), page.url());
  await page.getByRole("button", { name: "Ada Agent" }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in to the inbox" }).waitFor();
  deepEqual(page.troubles, []);
});

test("a project that sends no links says so", async () => {
  const page = await open(await serve());
  await page.getByLabel("E-mail", { exact: true }).fill(ada.email);
  await page.getByRole("button", { name: "E-mail me a link" }).click();
  await page.getByText("This project sends no sign-in links").waitFor();
});

test("the providers of the project are offered, and no other", async () => {
  const page = await open("about:blank");
  await page.route("**/auth/v1/settings", (route) =>
    route.fulfill({ json: { external: { email: false, phone: true, google: true, azure: true, github: false } } }),
  );
  await page.goto(await serve());
  await page.getByRole("button", { name: "Continue with Google" }).waitFor();
  await page.getByRole("button", { name: "Continue with Microsoft" }).waitFor();
  equal(await page.getByRole("button").count(), 2);
  const [asked] = await Promise.all([
    page.waitForRequest(/auth\/v1\/authorize/),
    page.getByRole("button", { name: "Continue with Google" }).click(),
  ]);
  const query = new URL(asked.url()).searchParams;
  equal(query.get("code_challenge_method"), "s256"); // what comes back is a code, and no token
});

test("a customer with an account is refused, and so is a visitor without one", async () => {
  const customer = await account("Cy Customer");
  const page = await openAs(customer);
  await page.getByText("This account is not on the team").waitFor();
  equal(await page.getByRole("navigation").count(), 0);

  const { access_token, refresh_token } = await request("/auth/v1/signup", { token: ANON_KEY, body: { data: {} } });
  const guest = await request("/auth/v1/token?grant_type=refresh_token", { token: ANON_KEY, body: { refresh_token } });
  ok(access_token);
  const other = await openAs({ session: guest });
  await other.getByText("A visitor without an account is signed in").waitFor();
  await other.getByRole("button", { name: "Use another account" }).click();
  await other.getByRole("heading", { name: "Sign in to the inbox" }).waitFor();
});

test("a session that ended asks for sign-in, and what was typed is still there", async () => {
  const { id } = await visitor("Is anybody there?");
  const session = await sessionOf(ada);
  const page = await openAs({ session }, `#/all/${id}`);
  await page.getByRole("textbox", { name: "Reply" }).fill("I am nearly done writing");
  await request("/auth/v1/logout?scope=global", { token: session.access_token });
  await page.evaluate(() => {
    const key = "sb-127-auth-token";
    const kept = JSON.parse(localStorage.getItem(key));
    localStorage.setItem(key, JSON.stringify({ ...kept, expires_at: 1 }));
  });
  await page.evaluate(() => (location.hash = "#/mine")); // the next request renews the token, in vain
  await page.getByRole("heading", { name: "Your session has ended" }).waitFor();
  equal(await page.getByLabel("E-mail", { exact: true }).inputValue(), ada.email);
  await page.getByLabel("Password", { exact: true }).fill(ada.password);
  await page.keyboard.press("Enter");
  await eventually(async () => (await page.locator("dialog[open]").count()) === 0);
  await page.goBack();
  equal(await page.getByRole("textbox", { name: "Reply" }).inputValue(), "I am nearly done writing");
  await page.getByText("Is anybody there?").last().waitFor();
  deepEqual(page.troubles, []);
});

test("what was typed survives a reload", async () => {
  const { id } = await visitor("Hello");
  const page = await openAs(ada, `#/all/${id}`);
  await page.getByRole("textbox", { name: "Reply" }).fill("Half a sentence");
  await page.reload();
  equal(await page.getByRole("textbox", { name: "Reply" }).inputValue(), "Half a sentence");
  ok(API_URL);
});
