import {
  algorithms,
  algorithmsWanted,
  announcedIntegrityFields,
  algorithmsInHeader,
  decideVerdict,
  type FieldLines,
} from "@trailsum/shared";

import type { RequestHead } from "../request/request-head.ts";
import type { PartCheck } from "./upload.ts";
import { isAboutWhole } from "./upload-verdict.ts";

/**
 * The check of the content of one append by the fields that are about it: such as `Content-Digest`, in the header or
 * announced as trailers. Undefined without such fields.
 */
export function contentCheck(head: RequestHead): PartCheck | undefined {
  const names = head.header.list("Trailer").filter((name) => !isAboutWhole(name));
  const header = aboutContent(head.header).set("Trailer", names.join(", "));
  const announced = head.trailersPossible ? announcedIntegrityFields(header) : [];
  const named = algorithmsInHeader(header);
  if (named.length === 0 && announced.length === 0) return undefined;
  const hints = algorithmsWanted(head.header);
  const likely = hints.length > 0 ? hints : algorithms;
  return {
    algorithms: announced.includes("Content-Digest") ? [...named, "md5", ...likely] : [...named, "md5"],
    decide: (trailer, computed) => decideVerdict({ header, trailer: aboutContent(trailer), computed }),
  };
}

/** Leaves out what is about the whole, which is not there yet. */
function aboutContent(fields: FieldLines): FieldLines {
  return fields.without(isAboutWhole);
}
