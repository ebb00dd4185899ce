import { type FieldLine, type FieldLines, integrityFieldName, sameFieldName } from "@trailsum/shared";

import { clientNetwork } from "../access/client-address.ts";
import { keptContentFields } from "../request/content-fields.ts";
import type { UploadExchange } from "../upload-exchange.ts";
import { isAboutWhole } from "./upload-verdict.ts";
import type { NewUpload } from "./uploads.ts";

/** What a creating request says beside its content. */
export interface Creation {
  readonly path: string;
  readonly length: number | undefined;
  /** Whether its content is all of the content: then all that it says of its content holds for the whole. */
  readonly isWhole: boolean;
  /** The fields to keep with the object, where they are not those of the request. */
  readonly fields?: readonly FieldLine[];
  readonly metadata?: string | undefined;
}

/** What to remember of the creating request: it decides about the object when the upload is completed. */
export function newUpload(
  { head, client }: UploadExchange,
  { path, length, isWhole, fields = keptContentFields(head.header), metadata }: Creation,
): NewUpload {
  return {
    path,
    target: head.target,
    method: head.method,
    header: remembered(head.header, isWhole),
    fields,
    length,
    metadata,
    digests: undefined,
    client: clientNetwork(client),
  };
}

const CONDITIONS = ["If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"];
const WISHES = ["Want-Repr-Digest", "Want-Content-Digest"];

function remembered(header: FieldLines, isWhole: boolean): FieldLine[] {
  const names = [...CONDITIONS, ...WISHES];
  return [...header].filter(
    ([name]) =>
      isAboutWhole(name) ||
      (isWhole && integrityFieldName(name) !== undefined) ||
      names.some((other) => sameFieldName(name, other)),
  );
}
