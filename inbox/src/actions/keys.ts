/** Which action a key means. */
import type { Action } from "./action";

const IS_MAC = /Mac|iP(hone|ad)/.test(navigator.platform);

/** Command or Control, as people call it. */
export const MOD = IS_MAC ? "⌘" : "Ctrl";

/** A key as it is on the keyboard, for people. */
export function named(key: string): string[] {
  return key
    .split("+")
    .map((each) => (each === "Mod" ? MOD : each.length === 1 ? each.toUpperCase() : each));
}

/** Return the action of a key that was pressed; none where it types, or where single keys are off. */
export function actionOf(
  event: KeyboardEvent,
  actions: readonly Action[],
  hasSingleKeys: boolean,
): Action | undefined {
  if (event.isComposing || event.defaultPrevented || event.altKey) return undefined;
  const isMod = IS_MAC ? event.metaKey : event.ctrlKey;
  if (isMod) return actions.find(({ key }) => key === `Mod+${event.key.toLowerCase()}`);
  if (event.metaKey || event.ctrlKey || !hasSingleKeys || isTyping(event.target)) return undefined;
  return actions.find(({ key }) => key === event.key);
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && target.matches("input, textarea, select, [contenteditable]")
  );
}
