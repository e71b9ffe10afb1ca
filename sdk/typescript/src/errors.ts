/**
 * What can go wrong, as classes, and how the errors of Supabase's clients become them.
 *
 * ```text
 * RomashkaError
 * ├── Unreachable            the project did not answer; worth another try
 * ├── NoAnswer               nothing automatic came within the time that `ask` was given
 * │   ├── NoAnswerNeeded     nor will it: "thanks!" is a message that ends here
 * │   └── HumanHasIt         nor will it: a human has the conversation, and answers there
 * └── ServerError            the project refused; `code` is the error's stable name
 *     ├── InvalidRequest
 *     ├── NotSignedIn        no session, or a wrong key
 *     ├── PermissionDenied
 *     ├── NotFound
 *     ├── Conflict
 *     ├── TooLarge
 *     └── RateLimited        worth another try, later
 * ```
 */
import type { PostgrestError } from "@supabase/postgrest-js";

/** Anything that this package throws on purpose. */
export class RomashkaError extends Error {
  override readonly name: string = "RomashkaError";
  /** May the same call succeed by itself, later? */
  readonly retryable: boolean = false;
}

/** The project did not answer: wrong URL, no network, or it is down. */
export class Unreachable extends RomashkaError {
  override readonly name = "Unreachable";
  override readonly retryable = true;
}

/** Nobody answered in time. */
export class NoAnswer extends RomashkaError {
  override readonly name: string = "NoAnswer";
}

/** What was written needs no answer, and nobody is asked to give one. */
export class NoAnswerNeeded extends NoAnswer {
  override readonly name = "NoAnswerNeeded";
}

/** A human has the conversation: whatever they answer comes as a message of theirs. */
export class HumanHasIt extends NoAnswer {
  override readonly name = "HumanHasIt";
}

/** The project refused a request. */
export class ServerError extends RomashkaError {
  override readonly name: string = "ServerError";
  override readonly retryable: boolean;

  constructor(
    message: string,
    /** The stable name (docs/errors.md), or else the code of the server that refused. */
    readonly code: string = "",
    /** What to do about it, where the server says so. */
    readonly hint: string | null = null,
  ) {
    super(hint ? `${message} (${hint})` : message);
    this.retryable = PASSING.has(code);
  }
}

/** Postgres broke a tie between transactions; the token has expired, and is being renewed. */
const PASSING = new Set(["40001", "40P01", "PGRST303"]);

/** The request makes no sense to the server. */
export class InvalidRequest extends ServerError {
  override readonly name = "InvalidRequest";
}

/** There is no valid session or key behind the request. */
export class NotSignedIn extends ServerError {
  override readonly name = "NotSignedIn";
}

/** This caller may not do or see that. */
export class PermissionDenied extends ServerError {
  override readonly name = "PermissionDenied";
}

/** There is no such thing, or the caller may not see it. */
export class NotFound extends ServerError {
  override readonly name = "NotFound";
}

/** It contradicts what is there. */
export class Conflict extends ServerError {
  override readonly name = "Conflict";
}

/** It is larger than the project allows. */
export class TooLarge extends ServerError {
  override readonly name = "TooLarge";
}

/** Too much in too short a time. */
export class RateLimited extends ServerError {
  override readonly name = "RateLimited";
  override readonly retryable = true;
}

/** Somebody else has the conversation at this instant; the same request may be sent again. */
export class Busy extends ServerError {
  override readonly name = "Busy";
  override readonly retryable = true;
}

const BY_STATUS: Record<number, typeof ServerError> = {
  400: InvalidRequest,
  401: NotSignedIn,
  403: PermissionDenied,
  404: NotFound,
  406: NotFound,
  409: Conflict,
  413: TooLarge,
  422: InvalidRequest,
  429: RateLimited,
  503: Busy,
};
const UNREACHABLE = new Set([0, 502, 503, 504]);

export interface Answer<T> {
  data: T;
  error: PostgrestError | null;
  status: number;
}

/** Return what a request gave, or throw its error as one of ours. */
export function unwrap<T>({ data, error, status }: Answer<T>): NonNullable<T> {
  if (error) throw fromPostgrest(error, status);
  return data as NonNullable<T>;
}

function fromPostgrest(error: PostgrestError, status: number): RomashkaError {
  // A good status with an error is no answer of the project's: it was cut off, or a portal's page.
  const given = error.code ?? ""; // not every server behind the address says one
  if ((UNREACHABLE.has(status) && !given.startsWith("PT")) || status < 300) {
    return new Unreachable(`the project does not answer; ${error.message}`, { cause: error });
  }
  const code = given.startsWith("PT") && error.details ? error.details : given;
  return new (BY_STATUS[status] ?? ServerError)(error.message, code, error.hint || null);
}

const TOO_OLD = /(?:JWT|token) (?:is |has )?expired|"?exp"? claim|invalid jwt/i;

/** Do REST, Storage or Functions say that the token is over? */
export function isTooOld(error: unknown): boolean {
  return TOO_OLD.test((error as { message?: string } | null)?.message ?? "");
}

/** What Auth's client says of a failure. */
export interface AuthFailure {
  message: string;
  status?: number | undefined;
  code?: string | undefined;
}

/** Make an error of signing in one of ours. */
export function fromAuth(error: AuthFailure): RomashkaError {
  if (UNREACHABLE.has(error.status ?? 0)) {
    return new Unreachable(`the project does not answer; ${error.message}`, { cause: error });
  }
  const kind = error.status === 429 ? RateLimited : NotSignedIn;
  return new kind(`unable to sign in; ${error.message}`, error.code);
}

interface StorageFailure {
  message: string;
  status?: number | undefined;
  statusCode?: string | undefined;
}

/** Make an error of Storage one of ours. */
export function fromStorage(error: StorageFailure): RomashkaError {
  // Storage answers 400 to nearly everything, and says what it means beside it.
  const status = Number(error.statusCode) || (error.status ?? 0);
  if (UNREACHABLE.has(status)) {
    return new Unreachable(`the project does not answer; ${error.message}`, { cause: error });
  }
  const [name = "", reason] = error.message.split("; ");
  const limit = FILE_LIMITS[name];
  if (limit) return new limit(`unable to store the file; ${reason}`, name);
  const kind = BY_STATUS[status] ?? ServerError;
  return new kind(`unable to use Storage; ${error.message}`, String(status));
}

/** Of a policy's error Storage passes on the message alone, and calls each a missing right. */
const FILE_LIMITS: Record<string, typeof ServerError> = {
  too_many_files: RateLimited,
  no_room_for_files: TooLarge,
};

const SIGN_IN_TRIES = 3;

/** Is the same reading worth another try? A gateway's word is; and a session may be there soon. */
export function mayPass(error: unknown, failures: number): boolean {
  if (error instanceof NotSignedIn && failures < SIGN_IN_TRIES) return true;
  if (error instanceof ServerError && error.code === "") return true; // no server of ours said so
  return error instanceof RomashkaError && error.retryable;
}
