/** Why a webhook is not taken: `reason` is a stable name, `hint` says to the operator what to do. */
export class Refusal extends Error {
  constructor(readonly status: number, readonly reason: string, readonly hint?: string) {
    super(reason);
  }
}
