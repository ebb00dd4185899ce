import { Readable } from "node:stream";

import { createDigester, type Digests, type FieldLine, TrailsumError } from "@trailsum/shared";

import { checkKeptFields } from "../kept-fields.ts";
import { MemoryBlocks, MemoryContent, partOfBlocks } from "./memory-content.ts";
import { listMemory } from "./memory-listing.ts";
import type { Committed, ReadOptions, StagedObject, Store, StoredObject } from "../store.ts";
import type { UploadCommitOptions } from "../upload-store.ts";
import { UploadsInMemory } from "./uploads-in-memory.ts";

/** Options of {@link createMemoryStore}. */
export interface MemoryStoreOptions {
  /** The most bytes of content kept at once, staged and published together. Default: no bound. */
  readonly maxBytes?: number | undefined;
}

/** A store that keeps objects in memory and loses them with the process: for tests and for what need not last. */
export function createMemoryStore(options: MemoryStoreOptions = {}): Store {
  const { maxBytes = Number.POSITIVE_INFINITY } = options;
  const versions = new Map<string, MemoryVersion>();
  /** Those that were made, and when. The others are there as long as objects are. */
  const directories = new Map<string, Date>();
  let used = 0;

  const reserve = (bytes: number): void => {
    if (used + bytes > maxBytes) throw noSpace();
    used += bytes;
  };

  const publish = async (
    path: string,
    content: MemoryBlocks,
    { digests, fields = [], condition, verified = true }: UploadCommitOptions,
  ): Promise<Committed> => {
    checkKeptFields(fields);
    const recorded = await withSha256(digests, content.blocks);
    const old = versions.get(path);
    condition?.check(old);
    content.trim();
    const { blocks, size } = content;
    const modified = new Date();
    versions.set(path, {
      blocks,
      size,
      digests: recorded,
      fields,
      modified,
      verified: verified ? modified : undefined,
    });
    used -= old?.size ?? 0;
    return { created: old === undefined };
  };

  const uploads = new UploadsInMemory({ reserve, free: () => maxBytes - used, publish });

  const stage = (path: string, fields: readonly FieldLine[]): StagedObject => {
    const content = new MemoryContent(new MemoryBlocks(reserve));
    let state: "staged" | "gone" = "staged";
    const leave = (): void => {
      if (state === "gone") throw new TrailsumError("INTERNAL", "the staged object was committed or discarded before");
      state = "gone";
    };
    return {
      content,
      async commit(digests, how) {
        leave();
        try {
          return await publish(path, content.content, { ...how, digests, fields });
        } catch (error) {
          content.content.truncate(0);
          throw error;
        }
      },
      async keep(id, description) {
        leave();
        return uploads.adopt(id, description, content.content);
      },
      async discard() {
        if (state === "gone") return;
        state = "gone";
        content.destroy();
        content.content.truncate(0);
      },
    };
  };

  return {
    async stage(path, { size = 0, fields = [] } = {}) {
      checkKeptFields(fields);
      if (used + size > maxBytes) throw noSpace();
      return stage(path, fields);
    },
    async open(path) {
      const version = versions.get(path);
      return version && openVersion(version);
    },
    async remove(path, condition) {
      const version = versions.get(path);
      condition?.check(version);
      used -= version?.size ?? 0;
      return versions.delete(path);
    },
    async list(directory, listed) {
      return listMemory(versions, directories, directory, listed);
    },
    async makeDirectory(path) {
      const way = path.split("/").map((_, at, names) => names.slice(0, at + 1).join("/"));
      if (way.some((each) => versions.has(each)))
        throw new TrailsumError("CONFLICT", "an object is stored where a directory is to be made");
      const isNew = listMemory(versions, directories, path) === undefined;
      for (const each of way) if (!directories.has(each)) directories.set(each, new Date());
      return isNew;
    },
    async removeDirectory(path) {
      const wasThere = listMemory(versions, directories, path) !== undefined;
      const within = (each: string): boolean => each.startsWith(`${path}/`);
      if ([...versions.keys()].some(within))
        throw new TrailsumError("CONFLICT", "there are objects in the directory: remove them first");
      for (const each of directories.keys()) if (each === path || within(each)) directories.delete(each);
      return wasThere;
    },
    uploads,
  };
}

function noSpace(): TrailsumError {
  return new TrailsumError("NO_SPACE", "no space left to store this");
}

/** One version of an object in memory. */
export interface MemoryVersion extends Omit<StoredObject, "createReadStream" | "close"> {
  /** Of one length, but for the last one. */
  readonly blocks: readonly Buffer[];
  readonly digests: Digests;
}

function openVersion(version: MemoryVersion): StoredObject {
  const { blocks, ...known } = version;
  return {
    ...known,
    createReadStream: (options: ReadOptions = {}) =>
      Readable.from(partOfBlocks(blocks, options), { objectMode: false }),
    async close() {},
  };
}

/** These digests and the sha-256 of the content, which every store can give. */
async function withSha256(digests: Digests, blocks: readonly Buffer[]): Promise<Digests> {
  if (digests.values.has("sha-256")) return digests;
  const digester = await createDigester(["sha-256"]);
  for (const block of blocks) digester.update(block);
  return { ...digests, values: new Map([...digests.values, ...digester.digest().values]) };
}
