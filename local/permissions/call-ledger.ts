import { allows, type Permissions } from './policies.ts';
import type { SdkCall } from './sdk-calls.ts';

/** A call and who made it. */
export interface MadeCall extends SdkCall {
  /** ARN of the role. */
  readonly role: string;
}

/** What the parts of a run asked of AWS, and which of it their roles would have been refused. */
export class CallLedger {
  readonly #permissions: Permissions;
  readonly #made = new Map<string, MadeCall>();
  readonly #denied = new Map<string, string>();

  constructor(permissions: Permissions) {
    this.#permissions = permissions;
  }

  /** @returns a sentence when the role may not make the call and it was not told of before, else null. */
  observe(call: MadeCall): string | null {
    const { role, action, resource } = call;
    const key = `${role} ${action} ${resource}`;
    if (this.#made.has(key)) return null;
    this.#made.set(key, call);
    if (allows(this.#permissions[role], action, resource)) return null;
    const sentence = `${role.slice(role.lastIndexOf('/') + 1)} may not ${action} on ${resource}`;
    this.#denied.set(key, sentence);
    return sentence;
  }

  /** Calls that AWS would have refused, in words. */
  get denied(): readonly string[] {
    return [...this.#denied.values()];
  }

  get made(): readonly MadeCall[] {
    return [...this.#made.values()];
  }
}
