/** The SDK on Supabase's bare parts, with the widget's own session. */
import { Attachments, Conversations, Core, Widget } from "romashka";
import { connectParts } from "romashka/parts";

import type { Project } from "../session/auth";
import type { Keeper } from "../session/keeper";
import { Files } from "./files";

export interface Connected {
  core: Core;
  conversations: Conversations;
  attachments: Attachments;
  widget: Widget;
}

/** Make the client. It opens nothing before somebody listens. */
export function connect({ url, key }: Project, keeper: Keeper): Connected {
  const accessToken = () => keeper.token();
  const parts = connectParts(url, key, { accessToken });
  const core = new Core({ ...parts, auth: keeper } as typeof parts);
  const files = new Files(url, key, accessToken);
  return {
    core,
    conversations: new Conversations(core),
    attachments: new Attachments(
      core,
      files as unknown as ConstructorParameters<typeof Attachments>[1],
    ),
    widget: new Widget(core),
  };
}
