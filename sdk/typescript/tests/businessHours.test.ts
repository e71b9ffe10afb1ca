/** When the team is there. */
import { deepEqual, equal, rejects } from "node:assert/strict";
import { test } from "node:test";

import { InvalidRequest, PermissionDenied } from "romashka";

import { newAgent, newCustomer, service } from "./project.js";

test("hours are set by channel, and read by staff", async () => {
  const [agent, customer] = [await newAgent(), await newCustomer()];
  const week = { days: [1, 2, 3, 4, 5], from: "09:00", to: "18:00" };
  const hours = { timezone: "Europe/Berlin", spans: [week], closed: ["2026-12-25"] };
  const channelType = "messenger";
  const first = await service.businessHours.set(hours, { channelType });
  deepEqual(first.hours, hours);
  const again = await service.businessHours.set(
    { timezone: "UTC", ...week },
    { channelType, awayTexts: { en: "{when}" } },
  );
  equal(again.id, first.id);
  const listed = await agent.businessHours.list();
  deepEqual(
    listed.filter(({ channel_type }) => channel_type === channelType),
    [again],
  );
  deepEqual(await customer.businessHours.list(), []);
  await rejects(agent.businessHours.set(hours, { channelType }), PermissionDenied);
  await rejects(
    service.businessHours.set({ timezone: "Berlin", ...week }, { channelType }),
    (error) => error instanceof InvalidRequest && error.code === "bad_hours",
  );
  await service.businessHours.remove(first.id);
});
