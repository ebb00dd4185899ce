// Run by directory-store.test.ts: takes an upload, and gives it back when it is asked to.
import { createDirectoryStore } from "../src/index.ts";

const [directory = "", id = ""] = process.argv.slice(2);
const { uploads } = await createDirectoryStore({ directory });
const alive = setInterval(() => {}, 1000);
const turn = await uploads.take(id, () => {
  process.send?.("stops");
  void turn.release().then(() => clearInterval(alive));
});
process.send?.("taken");
