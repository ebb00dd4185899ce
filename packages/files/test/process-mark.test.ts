import { fork } from "node:child_process";
import { once } from "node:events";

import { describe, expect, onTestFinished, test } from "vitest";

import { MARK, ownerState, ownMark } from "../src/process-mark.ts";

const [place, pid, started] = ownMark.split("-") as [string, string, string];

/** Another process, and its mark. */
async function otherProcess(): Promise<{ readonly mark: string; readonly end: () => Promise<void> }> {
  const child = fork(new URL("marked-process.ts", import.meta.url), { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const [mark] = (await once(child, "message")) as [string];
  return {
    mark,
    async end() {
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}

describe("the mark of a process", () => {
  test("has its form, and the id of the process", () => {
    expect(ownMark).toMatch(new RegExp(`^${MARK}$`));
    expect(Number(pid)).toBe(process.pid);
  });

  test("says that this process is alive", () => {
    expect(ownerState(ownMark)).toBe("alive");
  });

  test("says that another is alive, and gone when it is", async () => {
    const { mark, end } = await otherProcess();
    expect(mark.split("-")[0]).toBe(place);
    expect(ownerState(mark)).toBe("alive");
    await end();
    expect(ownerState(mark)).toBe("gone");
  });

  test("says that the one which had this id before is gone", () => {
    expect(ownerState(`${place}-${pid}-${Number(started) - 1}`)).toBe("gone");
  });

  test.each([`${"0".repeat(12)}-${pid}-${started}`, `${"f".repeat(12)}-999999999-1`])(
    "of another machine, boot or container says nothing: %s",
    (mark) => {
      expect(ownerState(mark)).toBe("unknown");
    },
  );
});
