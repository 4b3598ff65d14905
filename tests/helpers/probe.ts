/** Tries what a run must not do; prints what worked, one word each, on stdout or as a message. */
/// <reference lib="deno.worker" />

/** Where the probe tries its luck. */
export interface ProbeTargets {
  /** A server that answers, which must not be reached. */
  readonly url: string;
  /** A file that is there, which must not be read. */
  readonly file: string;
  /** A path that must not be written. */
  readonly newFile: string;
}

/** The names of what worked. */
export async function probe({ url, file, newFile }: ProbeTargets): Promise<string[]> {
  const tries: Record<string, () => unknown> = {
    net: async () => await (await fetch(url)).body?.cancel(),
    read: () => Deno.readTextFile(file),
    write: () => Deno.writeTextFile(newFile, "probe"),
    run: () => new Deno.Command(Deno.execPath(), { args: ["--version"] }).output(),
    // The C library is on every machine; opening it needs the permission for all paths.
    ffi: () =>
      Deno.dlopen(Deno.build.os === "darwin" ? "libSystem.dylib" : "libc.so.6", {}).close(),
    env: () => Deno.env.get("HOME"),
    sys: () => Deno.hostname(),
    import: () => import(`${url}/module.ts`),
  };
  const worked: string[] = [];
  for (const [name, attempt] of Object.entries(tries)) {
    try {
      await attempt();
      worked.push(name);
    } catch (error) {
      const isDenied = error instanceof Deno.errors.NotCapable ||
        (name === "import" && /remote|import access/i.test(String(error)));
      if (!isDenied) throw error;
    }
  }
  return worked;
}

if ("WorkerGlobalScope" in globalThis) {
  self.onmessage = async ({ data }: MessageEvent<ProbeTargets>) =>
    self.postMessage(await probe(data));
} else {
  const [url = "", file = "", newFile = ""] = Deno.args;
  // deno-lint-ignore no-console -- its result
  console.log(JSON.stringify(await probe({ url, file, newFile })));
}
