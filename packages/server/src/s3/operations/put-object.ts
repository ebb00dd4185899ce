import { Writable } from "node:stream";

import { S3Error, checksumFields } from "@trailsum/s3";
import { type FieldLine } from "@trailsum/shared";

import { checkBeforeContent } from "../../request/conditional-request.ts";
import { refuseByHead } from "../../receive-upload.ts";
import { proceed } from "../../upload-exchange.ts";
import { contentSize, receiveContent } from "../received-content.ts";
import { checkBucket, type ObjectOperation } from "../s3-context.ts";
import { sendEmpty } from "../s3-response.ts";
import { keptFields, s3EntityTag } from "../stored-fields.ts";
import { refuseUnsupportedFields } from "../unsupported-fields.ts";
import { writeCondition } from "../write-condition.ts";

/** PutObject: nothing is stored that is not what the request says. */
export const putObject: ObjectOperation = async (request, context) => {
  const { head, key, path } = request;
  const { store, policy } = context;
  refuseUnsupportedFields(head);
  const size = contentSize(request);
  refuseByHead({ ...head, size }, policy.maxSize);
  await checkBucket(request, context);
  if (key.endsWith("/")) return makeDirectory(request, context);

  const condition = writeCondition(head);
  const fields = keptFields(head.header);
  const staged = await store.stage(path, { size, fields });
  try {
    if (condition !== undefined) await checkBeforeContent(store, path, condition);
    proceed(request);
    const { verdict, checksum, verified } = await receiveContent(request, staged.content, policy);
    const digests = verdict.computed;
    const { created } = await staged.commit(digests, {
      condition,
      verified,
    });
    await context.reportStored(request, { verdict, created });
    const tag = s3EntityTag({ ...digests, digests, modified: new Date() });
    sendEmpty(request, 200, [["ETag", tag], ...checksumFields(digests, [checksum])]);
  } finally {
    // Before the answer: a client that is refused may look at once whether anything was left.
    await staged.discard();
  }
};

/** A key that ends in a slash is a directory, which keeps no fields. */
const makeDirectory: ObjectOperation = async (request, { store, policy }) => {
  proceed(request);
  const discarded = new Writable({ write: (_chunk, _encoding, done) => done() });
  const { verdict, checksum } = await receiveContent(request, discarded, policy);
  const digests = verdict.computed;
  if (digests.size > 0) {
    throw new S3Error("InvalidArgument", 'A key that ends in "/" is a directory here, and can have no content.');
  }
  await store.makeDirectory(request.path);
  const tag: FieldLine = ["ETag", s3EntityTag({ ...digests, digests, modified: new Date() })];
  sendEmpty(request, 200, [tag, ...checksumFields(digests, [checksum])]);
};
