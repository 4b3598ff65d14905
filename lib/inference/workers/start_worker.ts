/** Starts a worker that talks through a port. */

/**
 * Starts a worker and hands it its port with the first message.
 *
 * @param module URL of its code
 * @param permissions what it may do, nothing else
 * @param onDeath called once, with the reason, if it dies by itself
 */
export function startWorker(
  module: string,
  permissions: Deno.PermissionOptionsObject,
  port: MessagePort,
  onDeath: (reason: string) => void,
): Worker {
  const worker = new Worker(module, { type: "module", deno: { permissions } });
  worker.onerror = (event) => {
    event.preventDefault();
    worker.terminate();
    onDeath(event.message);
  };
  worker.postMessage(null, [port]);
  return worker;
}
