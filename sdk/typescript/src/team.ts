/** `client.team`: who is staff, and who is to be. */
import type { Core } from "./core.js";
import type { Database } from "./database.js";
import { readUpTo } from "./pages.js";
import { checkStorable } from "./storable.js";

type Tables = Database["public"]["Tables"];

/** What staff may be; admins also change the settings, and who is staff. */
export type StaffRole = "agent" | "admin";

/** Somebody of the team. */
export interface StaffMember extends Pick<
  Tables["profiles"]["Row"],
  "id" | "full_name" | "email" | "avatar_url"
> {
  role: StaffRole;
}

/** Somebody who is staff once they have signed up. */
export interface Invitation extends Omit<Tables["staff_invitations"]["Row"], "role"> {
  role: StaffRole;
}

/** Staff see who is there; admins change it. */
export class Team {
  constructor(private readonly core: Core) {}

  /** Return everybody who is staff. */
  async list(): Promise<StaffMember[]> {
    return readUpTo<StaffMember>(Infinity, (_, __, from) => {
      const profiles = this.core.backend.from("profiles");
      const staff = profiles
        .select("id,role,full_name,email,avatar_url")
        .in("role", ["agent", "admin"]);
      const page = staff.order("created_at").order("id");
      return this.core.send(page.range(from, from + PAGE - 1)) as Promise<StaffMember[]>;
    });
  }

  /**
   * Give somebody who has an account a role; `user` is whoever is no staff. For admins.
   *
   * @throws {@link PermissionDenied} the caller is no admin, or it is their own role
   * @throws {@link Conflict} there would be no admin left
   * @throws {@link NotFound} there is no such user
   */
  async setRole(userId: string, role: StaffRole | "user"): Promise<void> {
    await this.core.call("set_staff_role", { user_id: userId, role });
  }

  /**
   * Let somebody who has no account yet be staff, once they have signed up. For admins.
   *
   * It holds for a week, and for an address that is confirmed by a mail or by another provider. Nothing is sent: tell
   * them where to sign up. Made again, it is made anew.
   *
   * @throws {@link Conflict} the address has an account: {@link Team.setRole} gives it a role
   * @throws {@link InvalidRequest} it is no address
   * @example
   * ```ts
   * const { expires_at } = await client.team.invite("ada@example.com", "admin");
   * ```
   */
  async invite(email: string, role: StaffRole = "agent"): Promise<Invitation> {
    return (await this.core.call("invite_staff", { email, role })) as unknown as Invitation;
  }

  /** Return the invitations that were not accepted, those that ran out too. For admins. */
  async invitations(): Promise<Invitation[]> {
    return readUpTo<Invitation>(Infinity, (last) => {
      let query = this.core.backend.from("staff_invitations").select();
      if (last) query = query.gt("email", last.email);
      return this.core.send(query.order("email")) as Promise<Invitation[]>;
    });
  }

  /** Take an invitation back; one that is gone is no error. For admins. */
  async revoke(invitationId: string): Promise<void> {
    checkStorable(invitationId);
    const invitations = this.core.backend.from("staff_invitations");
    await this.core.send(invitations.delete().eq("id", invitationId));
  }
}

const PAGE = 500;
