// What stores in other packages are made of.
export { isNameable } from "./stores/object-path.ts";
export { byteOrderKey } from "./stores/byte-order.ts";
export { checkKeptFields } from "./stores/kept-fields.ts";
export { PathLocks } from "./stores/path-locks.ts";
export { UploadTurns } from "./stores/upload-turns.ts";
