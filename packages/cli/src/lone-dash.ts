/**
 * yargs drops a lone `-` among positional arguments, where it stands for standard input. So it goes through the parser
 * in disguise: as something that no shell can pass.
 */
const DISGUISE = "\0-";

/** The arguments, with each lone `-` disguised. */
export function hideDashes(args: readonly string[]): string[] {
  return args.map((arg) => (arg === "-" ? DISGUISE : arg));
}

/** What was parsed from such arguments, as it was meant. */
export function restoreDashes(given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const restored = (value: unknown): unknown => (value === DISGUISE ? "-" : value);
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [name, Array.isArray(value) ? value.map(restored) : restored(value)]),
  );
}
