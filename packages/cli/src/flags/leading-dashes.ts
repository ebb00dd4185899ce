/**
 * yargs drops a lone `-` among positional arguments, where it means standard input, and everything after `--`,
 * where nothing is a flag. So arguments that begin with a dash and are not flags pass the parser in disguise: after
 * a character that no shell can pass.
 */
const DISGUISE = "\0";

/** The arguments, with each argument disguised that begins with a dash and is not a flag. */
export function hideDashes(args: readonly string[]): string[] {
  const end = args.indexOf("--");
  const flags = end === -1 ? args : args.slice(0, end);
  const names = end === -1 ? [] : args.slice(end + 1);
  return [
    ...flags.map((arg) => (arg === "-" ? DISGUISE + arg : arg)),
    ...names.map((arg) => (arg.startsWith("-") ? DISGUISE + arg : arg)),
  ];
}

/** What was parsed from such arguments, as it was meant. */
export function restoreDashes(given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const restored = (value: unknown): unknown =>
    typeof value === "string" && value.startsWith(DISGUISE) ? value.slice(DISGUISE.length) : value;
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [name, Array.isArray(value) ? value.map(restored) : restored(value)]),
  );
}
