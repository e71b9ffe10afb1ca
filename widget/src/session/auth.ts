/** What is asked of the project beside the SDK: Auth's REST API, and calls of a session that is not in use yet. */

import { inTime } from "./inTime";

export interface Project {
  url: string;
  key: string;
}

export interface Session {
  access_token: string;
  refresh_token: string;
  /** In milliseconds since 1970, by this device's clock. */
  endsAt: number;
  userId: string;
  /** The id that the page's server signed. */
  signedAs?: string | undefined;
}

/** What the project said of a failure, as Auth's own client gives it. */
export interface Failure {
  message: string;
  status: number;
  code?: string | undefined;
}

/** A token that is about to end may end on its way. */
const EARLY_MS = 60_000;
const REQUEST_MS = 15_000;
/** So long a customer may look for traffic lights; other tabs wait for them. */
const CAPTCHA_MS = 120_000;

export class Auth {
  /** @param captcha gives a captcha's token, for projects that want one at sign-in */
  constructor(
    private readonly project: Project,
    private readonly captcha: () => Promise<string> = async () => "",
  ) {}

  /** Begin a session without an account. */
  async signUp(): Promise<Session> {
    const captcha_token = await inTime(this.captcha, CAPTCHA_MS, "captcha");
    const security = captcha_token && { gotrue_meta_security: { captcha_token } };
    return sessionOf(await this.#ask("auth/v1/signup", { data: {}, ...security }));
  }

  /** Give a session new tokens; the old ones are used up. */
  async renew({ refresh_token, signedAs }: Session): Promise<Session> {
    const answer = await this.#ask("auth/v1/token?grant_type=refresh_token", { refresh_token });
    return { ...sessionOf(answer), signedAs };
  }

  /** Call a database function with a session's token. */
  call(name: string, parameters: object, token: string): Promise<unknown> {
    return this.#ask(`rest/v1/rpc/${name}`, parameters, token);
  }

  /** Whoever has a copy of a session that was signed is nobody with it. */
  async signOut(session: Session): Promise<void> {
    const { access_token } = isGood(session) ? session : await this.renew(session);
    await this.call("sign_out_customer", {}, access_token);
  }

  /** Also of a page that is left at once. */
  async #ask(path: string, body: object, token?: string): Promise<unknown> {
    const { url, key } = this.project;
    let answer: Response;
    let given: Refusal | null;
    try {
      answer = await fetch(`${url}/${path}`, {
        method: "POST",
        headers: {
          apikey: key,
          "content-type": "application/json",
          ...(token && { authorization: `Bearer ${token}` }),
        },
        body: JSON.stringify(body),
        keepalive: true,
        signal: AbortSignal.timeout(REQUEST_MS),
      });
      given = JSON.parse((await answer.text()) || "null") as Refusal | null;
    } catch (error) {
      throw failure(String((error as Error).message), 0);
    }
    if (answer.ok) return given;
    const { msg, message, error_code, details } = given ?? {};
    throw failure(msg ?? message ?? "it was refused", answer.status, error_code ?? details);
  }
}

/** Auth's words, and PostgREST's. */
interface Refusal {
  msg?: string;
  message?: string;
  error_code?: string;
  details?: string;
}

const failure = (message: string, status: number, code?: string): Failure =>
  Object.assign(new Error(message), { status, code });

export const isGood = ({ endsAt }: Session): boolean => endsAt - EARLY_MS > Date.now();

function sessionOf(answer: unknown): Session {
  const { access_token, refresh_token, expires_in, user } = (answer ?? {}) as AuthAnswer;
  if (!access_token) throw failure("no session came", 0);
  const endsAt = Date.now() + expires_in * 1000;
  return { access_token, refresh_token, endsAt, userId: user.id };
}

interface AuthAnswer {
  access_token: string;
  refresh_token: string;
  expires_in: number;
  user: { id: string };
}
