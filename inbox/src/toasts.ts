/** What was done a moment ago, with a way back: one at a time, for five seconds. */
import { useSyncExternalStore } from "react";

export interface Toast {
  text: string;
  undo?: (() => void) | undefined;
  isAlert?: boolean;
}

const SHOWN_MS = 5_000;
let shown: Toast | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;
const watchers = new Set<() => void>();

export function showToast(toast: Toast): void {
  set(toast);
  timer = setTimeout(() => set(null), SHOWN_MS);
}

/** Go back, as long as it is offered. */
export function undoLast(): void {
  const undo = shown?.undo;
  if (!undo) return;
  set(null);
  undo();
}

export function readToast(): Toast | null {
  return shown;
}

export function hideToast(): void {
  set(null);
}

export function useToast(): Toast | null {
  return useSyncExternalStore(subscribe, readToast);
}

function set(toast: Toast | null): void {
  clearTimeout(timer);
  shown = toast;
  watchers.forEach((tell) => tell());
}

function subscribe(onChange: () => void): () => void {
  watchers.add(onChange);
  return () => watchers.delete(onChange);
}
