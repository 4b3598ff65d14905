/** The real `deno task serve`, or another task that ends with it. */
import { spawnTask } from "./run_task.ts";

/** A server that runs. */
export interface ServeTask extends AsyncDisposable {
  /** Such as `http://127.0.0.1:8123`. */
  readonly url: string;
  /** What it has written to stderr so far. */
  readonly log: () => string;
  /** Sends the signal, and waits for the end. */
  readonly stop: (signal?: Deno.Signal) => Promise<{ code: number; stdout: string; log: string }>;
}

/** Starts `deno task serve` on a free port and waits until it answers. */
export function startServe(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<ServeTask> {
  return startTask(["serve", "--port", "0", ...args], env);
}

/** Starts a task and waits until its server answers. */
export async function startTask(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<ServeTask> {
  const child = spawnTask(args, env);
  const stdout = new Response(child.stdout).text();
  const address = Promise.withResolvers<string | undefined>();
  let log = "";
  const reading = (async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
      log += text;
      const url = /^Maken answers at (\S+)\n/m.exec(log)?.[1];
      if (url !== undefined) address.resolve(url);
    }
    address.resolve(undefined);
  })();
  let isEnded = false;
  const stop = async (signal: Deno.Signal = "SIGINT") => {
    if (!isEnded) child.kill(signal);
    isEnded = true;
    await reading;
    return { code: (await child.status).code, stdout: await stdout, log };
  };
  const url = await address.promise;
  if (url === undefined) {
    isEnded = true;
    await stop();
    throw new Error(`deno task ${args[0]} has ended: ${log}`);
  }
  return {
    url,
    log: () => log,
    stop,
    [Symbol.asyncDispose]: async () => void await stop(),
  };
}
