/** Settings that make loading faster, and how they are put back, whatever happens. */
import { SetupError } from "../../shared/errors.ts";
import type { IndexAdmin, IndexState } from "./admin.ts";

/** An index in load mode: what is put in is not searchable until the end. */
export class LoadMode {
  #restore: Record<string, string | null> | undefined;

  constructor(private readonly admin: IndexAdmin) {}

  /** Whether it has begun and not ended. */
  get isOn(): boolean {
    return this.#restore !== undefined;
  }

  /**
   * Turns off refreshing, and, in an index that nobody has seen yet, the replicas. What the settings
   * were is kept in the index first, so that a later run can restore them if this one does not end.
   *
   * @param fresh whether this run made the index
   */
  async begin(fresh: boolean): Promise<void> {
    const state = await this.admin.read();
    if (state === undefined) return;
    const names = fresh ? ["refresh_interval", "number_of_replicas"] : ["refresh_interval"];
    // Another run may be loading too: then what there is now is not what there was.
    const restore = leftover(state) ??
      Object.fromEntries(names.map((name) => [name, setting(state, name)]));
    await this.admin.setMeta({ restore });
    this.#restore = restore;
    try {
      await this.admin.setSettings({
        refresh_interval: "-1",
        ...(fresh ? { number_of_replicas: "0" } : {}),
      });
    } catch (error) {
      if (!(error instanceof SetupError)) throw error;
      // Not allowed: there is nothing to put back.
      this.#restore = undefined;
      await this.admin.setMeta({ restore: undefined });
      throw error;
    }
  }

  /** Puts the settings back; goes out even after the run was told to end. */
  async end(): Promise<void> {
    if (this.#restore === undefined) return;
    await this.admin.setSettings(this.#restore, true);
    await this.admin.setMeta({ restore: undefined }, true);
    this.#restore = undefined;
  }

  /** Puts back what a run left that did not end; whether there was anything. */
  async repair(state: IndexState): Promise<boolean> {
    const restore = leftover(state);
    if (restore === undefined) return false;
    await this.admin.setSettings(restore);
    await this.admin.setMeta({ restore: undefined });
    return true;
  }
}

function leftover({ mappings }: IndexState): Record<string, string | null> | undefined {
  return mappings._meta?.maken?.restore;
}

/** A setting as it was given; null where it has its default. */
function setting({ settings }: IndexState, name: string): string | null {
  const value = settings.index[name];
  return value === undefined || value === null ? null : String(value);
}
