/** What everybody may know of the widget. */
import { deepEqual, equal, rejects } from "node:assert/strict";
import { test } from "node:test";

import { InvalidRequest, NotSignedIn, PermissionDenied } from "romashka";

import { connect, newAgent, service } from "./project.js";
import { ANON_KEY } from "./settings.js";

test("everybody reads the settings, and admins change them", async () => {
  const agent = await newAgent();
  const visitor = connect(ANON_KEY);
  const texts = { de: { title: "Fragen" } };
  const before = await visitor.widget.settings();
  await service.widget.update({ color: "#00aa55", languages: ["de", "en"], texts });
  await rejects(agent.widget.update({ color: "#000000" }), PermissionDenied);
  await rejects(visitor.widget.update({ color: "#000000" }), NotSignedIn);
  await rejects(service.widget.update({ logo_url: "javascript:alert(1)" }), InvalidRequest);
  const told = await visitor.widget.settings();
  deepEqual([told.color, told.languages, told.texts], ["#00aa55", ["de", "en"], texts]);
  equal(told.logo_url, null);
  const { color, languages } = before;
  await service.widget.update({ color, languages, texts: before.texts });
});
