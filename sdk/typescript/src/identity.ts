/** `client.identity`: who the customer is, by the page's word; and the secret that the page signs with. */
import type { Core } from "./core.js";

/** What the page's server made for its user. */
export interface Signed {
  /** The page's own id of its user. */
  id: string;
  /** The hex of HMAC-SHA256 of it, with the project's secret. */
  hmac: string;
  /** In seconds since 1970, where the server signed a time, too. */
  expiresAt?: number;
}

/** What a page's server signs with, but for what it is: that is shown once, when it is made. */
export interface IdentitySecret {
  id: string;
  created_at: string;
  expires_at: string | null;
  /** Does it sign? */
  is_good: boolean;
  /** How many are somebody by it. */
  sessions: number;
}

/** A customer's session becomes who the page signs; admins have the secret. */
export class Identity {
  constructor(private readonly core: Core) {}

  /**
   * Be the customer whose id the page's server signed, and see their conversations; return the customer's id.
   *
   * The session is an anonymous one that was just made.
   *
   * @throws {@link InvalidRequest} it is no id of a user
   * @throws {@link PermissionDenied} the signature is not this id's, or has run out
   * @throws {@link Conflict} the session has been in use, has an account, or is another customer's
   */
  async identify({ id, hmac, expiresAt }: Signed): Promise<string> {
    const signed = { id, hmac, ...(expiresAt !== undefined && { expires_at: expiresAt }) };
    return this.#changed(await this.core.call("identify_customer", signed));
  }

  /** Be the customer no more: this session sees nothing of theirs, nor does a copy of it. */
  async signOut(): Promise<void> {
    this.#changed(await this.core.call("sign_out_customer", undefined as never));
  }

  /**
   * Return a word with which a signed-in session takes this visitor's open conversations, in ten minutes, once; null:
   * nothing is open.
   *
   * @throws {@link Conflict} the session is signed in, and keeps what it has
   */
  async offerConversations(): Promise<string | null> {
    return this.core.call("offer_conversations", undefined as never);
  }

  /**
   * Take the open conversations that a visitor offered; return how many.
   *
   * @throws {@link NotFound} nobody offers this, or no more
   * @throws {@link PermissionDenied} the session is a visitor's itself, or staff's
   */
  async bringConversations(word: string): Promise<number> {
    return this.#changed(await this.core.call("bring_conversations", { token: word }));
  }

  /** Make the secret that signs, and return it, this once; the old one goes on for so many hours. For admins. */
  async rotateSecret(overlapHours = 24): Promise<string> {
    return this.core.call("rotate_identity_secret", { overlap_hours: overlapHours });
  }

  /** Return the secrets, the newest first, without what they are. For admins. */
  async secrets(): Promise<IdentitySecret[]> {
    const secrets = await this.core.call("get_identity_secrets", undefined as never);
    return secrets as unknown as IdentitySecret[];
  }

  /**
   * Take a secret away at once, with all sessions that it signed; return how many. For admins.
   *
   * @throws {@link NotFound} there is no such secret
   */
  async revokeSecret(secretId: string): Promise<number> {
    return this.core.call("revoke_identity_secret", { secret_id: secretId });
  }

  /** What was read is somebody else's: read it again. */
  #changed<T>(told: T): T {
    this.core.connection.retry();
    return told;
  }
}
