/** Large writes cost the least; to the disk itself they go in blocks of this many bytes, at multiples of it. */
export const LARGE_BLOCK: number = 1024 * 1024;
/** What a file is collected in that is small yet, or while all large blocks are in use. */
export const SMALL_BLOCK: number = 64 * 1024;

/** The most large blocks there are, for all files together. */
const MOST_LARGE = 16;
/** How many blocks are kept while they are not in use. */
const KEPT_LARGE = 4;
const KEPT_SMALL = 32;

const unusedLarge: Buffer[] = [];
const unusedSmall: Buffer[] = [];
let largeInUse = 0;

/** A large block, or undefined while all of them are in use. */
export function takeLargeBlock(): Buffer | undefined {
  if (largeInUse === MOST_LARGE) return undefined;
  largeInUse += 1;
  return unusedLarge.pop() ?? newLargeBlock();
}

/** A small block. */
export function takeSmallBlock(): Buffer {
  return unusedSmall.pop() ?? Buffer.allocUnsafeSlow(SMALL_BLOCK);
}

/** Gives back a block that nothing reads or writes any more. One of another size is left to the garbage collector. */
export function giveBlockBack(block: Buffer): void {
  if (block.length === LARGE_BLOCK) {
    largeInUse -= 1;
    if (unusedLarge.length < KEPT_LARGE) unusedLarge.push(block);
  } else if (block.length === SMALL_BLOCK && unusedSmall.length < KEPT_SMALL) {
    unusedSmall.push(block);
  }
}

/** A disk takes whole pages of memory only. A resizable array is mapped separately, so it begins at a page boundary. */
function newLargeBlock(): Buffer {
  return Buffer.from(new ArrayBuffer(LARGE_BLOCK, { maxByteLength: LARGE_BLOCK }), 0, LARGE_BLOCK);
}
