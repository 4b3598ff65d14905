/** Whether a kernel's WebAssembly is what its source gives. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { skipIf } from "./skip.ts";
import { tempDir } from "./temp_dir.ts";

/** Registers the test that builds the kernel of a folder again, and compares it byte for byte. */
export async function testKernelBuild(name: string, folder: string): Promise<void> {
  const deno = (args: string[], cwd: string) =>
    new Deno.Command(Deno.execPath(), { args, cwd }).output();
  // The compiler is a package that nothing else needs, so it may not be there, nor the net.
  const { success: hasCompiler } = await deno(["install", "--quiet"], folder);
  Deno.test({
    ...skipIf(
      hasCompiler ? undefined : "the kernels' compiler cannot be had",
      `\`deno task build-kernel\` gives the kernel of the ${name} that is here, byte for byte`,
    ),
    fn: async () => {
      await using dir = await tempDir();
      for (const file of ["deno.json", "deno.lock", "kernel.ts"]) {
        await Deno.copyFile(join(folder, file), join(dir.path, file));
      }
      const { code, stderr } = await deno(["task", "build"], dir.path);
      assert.equal(code, 0, new TextDecoder().decode(stderr));
      const built = await Deno.readFile(join(dir.path, "kernel.wasm"));
      assert.deepEqual(built, await Deno.readFile(join(folder, "kernel.wasm")));
    },
  });
}
