import { METHODS } from "node:http";

import { TrailsumError } from "@trailsum/shared";

const READING = ["GET", "HEAD"];
const WRITING = ["PUT", "POST", "DELETE"];

/** Which kinds of methods are answered. */
export interface MethodPolicy {
  readonly readOnly?: boolean | undefined;
  readonly writeOnly?: boolean | undefined;
}

/** The supported methods, in the order of `Allow`. Throws `USAGE` if none is left. */
export function allowedMethods({ readOnly = false, writeOnly = false }: MethodPolicy): readonly string[] {
  if (readOnly && writeOnly) {
    throw new TrailsumError("USAGE", "readOnly and writeOnly exclude each other: nothing would be answered");
  }
  return [...(writeOnly ? [] : READING), ...(readOnly ? [] : WRITING), "OPTIONS"];
}

/** Whether a method is not safe (RFC 9110 section 9.2.1). */
export function isWrite(method: string): boolean {
  return ![...READING, "OPTIONS", "TRACE"].includes(method);
}

/** The error of a method that is not answered: 405 for a known one (RFC 9110 section 15.5.6), else 501 (section 9.1). */
export function notAllowed(method: string, allowed: readonly string[]): TrailsumError {
  const use = `use ${allowed.join(", ")}`;
  if (METHODS.includes(method)) {
    return new TrailsumError("METHOD_NOT_ALLOWED", `${method} is not answered here: ${use}`);
  }
  return new TrailsumError("METHOD_NOT_ALLOWED", `${method} is not a known method: ${use}`, { status: 501 });
}
