/** What a process that signs in to a server is started with. */
import { UsageError } from "../shared/errors.ts";
import { askSecret, canAsk, hideSecret } from "../shared/secret.ts";
import type { IndexPlace } from "./place.ts";

/** A tool's options, as far as they say how to sign in. */
interface SignInOptions {
  /** Tools without it have no index. */
  readonly place?: IndexPlace;
  /** No server is asked. */
  readonly dryRun?: boolean;
}

/** Arguments without secrets, and the environment variables that hold these. */
export interface SignIn {
  readonly argv: readonly string[];
  /** Whether a secret was among the arguments, where others may read it. */
  readonly isExposed: boolean;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Moves password and API key from the arguments to the environment; asks for a password that is
 * needed and was not given.
 *
 * @param parse gives the options of other arguments, by which the secrets are found among them
 * @returns undefined if the person who was asked ended it
 * @throws {UsageError} if there is nobody to be asked
 */
export async function signIn(
  argv: readonly string[],
  options: object,
  parse: (argv: readonly string[]) => object,
): Promise<SignIn | undefined> {
  const { place, dryRun = false }: SignInOptions = options;
  if (place?.kind !== "server") return { argv, isExposed: false, env: {} };
  const { user, apiKey } = place;
  let { password } = place;
  if (user !== undefined && password === undefined && apiKey === undefined && !dryRun) {
    if (!canAsk()) {
      throw new UsageError(
        `Cannot sign in as "${user}": the password is missing; set ES_PASSWORD, or run this at a ` +
          "terminal to be asked for it",
      );
    }
    password = await askSecret(`Password for ${user}: `);
    if (password === undefined) return undefined;
  }
  const secret = (key: "password" | "apiKey") => (argv: readonly string[]) => {
    const { place }: SignInOptions = parse(argv);
    return place?.kind === "server" ? place[key] : undefined;
  };
  const rest = hideSecret(hideSecret(argv, secret("password")), secret("apiKey"));
  return {
    argv: rest,
    isExposed: rest !== argv,
    env: {
      ...(password ? { ES_PASSWORD: password } : {}),
      ...(apiKey ? { ES_API_KEY: apiKey } : {}),
    },
  };
}
