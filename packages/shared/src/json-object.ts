/** Reads content as a JSON object whose members are still to be checked; undefined if it is something else. */
export function parseJsonObject<T>(content: string): Partial<Record<keyof T, unknown>> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch {
    return undefined;
  }
  return typeof value === "object" && value !== null ? value : undefined;
}
