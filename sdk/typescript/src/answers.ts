/** Asking, and waiting for the automatic answer: a reply or a hand-over. */
import type { Core } from "./core.js";
import { HumanHasIt, mayPass, NoAnswer, NoAnswerNeeded } from "./errors.js";
import { follow, type ReadAfter } from "./events.js";
import type { Listener } from "./listener.js";
import { type ConversationEvent, kindOf, type Message } from "./models.js";
import type { SendOptions } from "./outgoing.js";
import { backoffMs, pause } from "./pause.js";

/** The conversation that is asked. */
interface Asked {
  topic: string;
  send(text: string, options: SendOptions): Promise<Message>;
}

/** What comes with the question, and for how long to wait. */
export interface AskOptions extends Pick<SendOptions, "attachment"> {
  timeoutMs?: number;
}

/** Send a question; give replies as they are written, and last the message that answers it. */
export async function* streamAnswer(
  core: Core,
  conversation: Asked,
  readAfter: ReadAfter,
  text: string,
  { timeoutMs = 10_000, attachment }: AskOptions,
): AsyncGenerator<ConversationEvent, void> {
  let isUnneeded = false;
  let look = async (): Promise<void> => {};
  const listener = core.topics.listen(conversation.topic, (isLive) => isLive && void look());
  const wasLive = listener.isLive;
  const timer = setTimeout(() => void listener.return(), timeoutMs);
  try {
    const question = await conversation.send(text, { attachment, timeoutMs });
    // That a turn ended without a message is told once: who was not live looks.
    look = async () => {
      isUnneeded = await needsNoAnswer(core, question).catch(() => false);
      if (isUnneeded) await listener.return();
    };
    if (listener.isLive && !wasLive) void look();
    if (await isWithHuman(core, question)) throw new HumanHasIt(HUMAN);
    const positions = new Map([[question.id, question.position]]);
    for await (const event of follow(listener, readAfter, question.position)) {
      if (event.type === "message.created") {
        positions.set(event.message.id, event.message.position);
        if (!(await answers(core, listener, event.message, question, positions))) continue;
      }
      yield event;
      if (event.type === "message.created") return;
      if (event.type === "reply.settled" && event.outcome === "taken_over") {
        if (await isWithHuman(core, question)) throw new HumanHasIt(HUMAN);
      }
      if (event.type === "reply.settled" && event.outcome === "not_needed") {
        const isOurs = await isInTurn(core, listener, event.turn_id, question, positions);
        if (isOurs) throw new NoAnswerNeeded(NONE);
      }
    }
    if (isUnneeded) throw new NoAnswerNeeded(NONE);
    throw new NoAnswer(`nobody answered within ${timeoutMs} ms`);
  } finally {
    clearTimeout(timer);
    await listener.return();
  }
}

const HUMAN = "a human has the conversation, and answers there";
const NONE = "the message needs no answer";

/** Has the turn that ends with that message ended, without one? */
async function needsNoAnswer(core: Core, { id, conversation_id }: Message): Promise<boolean> {
  const jobs = core.backend.from("ai_response_queue").select("id").match({ conversation_id });
  const ended = jobs.eq("outcome", "not_needed").or(`turn_id.eq.${id},message_id.eq.${id}`);
  return (await core.send(ended)).length > 0;
}

/** Has a human the conversation, and does nothing automatic come to that message any more? In one statement. */
async function isWithHuman(core: Core, question: Message): Promise<boolean> {
  const [found] = await core.send(
    core.backend
      .from("conversations")
      .select("requires_human, jobs:ai_response_queue(id), answers:messages(id)")
      .eq("id", question.conversation_id)
      .in("jobs.status", ["pending", "processing"])
      .eq("answers.sender_type", "ai")
      .gt("answers.position", question.position),
  );
  return Boolean(found?.requires_human) && !found!.jobs.length && !found!.answers.length;
}

async function answers(
  core: Core,
  listener: Listener,
  message: Message,
  question: Message,
  positions: Map<string, number>,
): Promise<boolean> {
  const kind = kindOf(message);
  // After a hand-over nothing else comes by itself, whichever turn it was written for.
  if (kind === "handover") return true;
  return kind !== "message" && isInTurn(core, listener, message.turn_id!, question, positions);
}

/** Is the question a part of a turn that has ended? A burst is one turn. */
async function isInTurn(
  core: Core,
  listener: Listener,
  turnId: string,
  question: Message,
  positions: Map<string, number>,
): Promise<boolean> {
  if (turnId === question.id) return true;
  const newest = await newestOf(core, listener, turnId);
  return (positions.get(newest) ?? 0) >= question.position;
}

async function newestOf(core: Core, listener: Listener, turnId: string) {
  const jobs = core.backend.from("ai_response_queue").select("message_id");
  const completed = jobs.eq("turn_id", turnId).eq("status", "completed");
  // Realtime tells of a commit a moment before other sessions see it.
  for (let tries = 0; !listener.isClosed; tries += 1) {
    try {
      const [answered] = await core.send(completed);
      if (answered) return answered.message_id;
    } catch (error) {
      if (!mayPass(error, tries)) throw error;
    }
    await pause(backoffMs(tries));
  }
  return ""; // too late: nobody waits any more
}
