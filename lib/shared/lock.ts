/** Locks that end with the process that holds them, however it ends. */

/** How long a lock is waited for: as long as the processes of a killed run may take to end. */
const LOCK_WAIT_MS = 2000;

/**
 * Takes the lock that a file stands for, for as long as the file is open; makes the file if need be.
 * Nobody may remove it: another process could then hold a lock of the same name.
 *
 * @returns undefined if others hold it
 */
export async function takeLock(
  path: string,
  isExclusive: boolean,
): Promise<Deno.FsFile | undefined> {
  const file = await Deno.open(path, { create: true, write: true });
  for (const start = performance.now();;) {
    if (await file.tryLock(isExclusive)) return file;
    if (performance.now() - start > LOCK_WAIT_MS) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  file.close();
  return undefined;
}
