import { TrailsumError } from "@trailsum/shared";
import { expect, test } from "vitest";

import type { DeliveryChoice, DeliveryMode } from "../../src/upload/delivery/delivery-mode.ts";
import { type DeliverySituation, planDelivery } from "../../src/upload/delivery/plan-delivery.ts";

/** What planning does not know beforehand, or knows wrongly. */
interface World {
  readonly path: "keeps" | "drops" | "kills";
  /** `draft` has upload resources, and reports nothing of probes. */
  readonly server: "trailsum" | "draft" | "foreign";
}

interface Case extends World {
  readonly asked: DeliveryChoice;
  readonly source: "file" | "short" | "pipe";
  readonly known: "unknown" | "kept" | "dropped" | "fatal";
  /** Whether the server has said before what it supports. */
  readonly supportKnown: boolean;
}

const cases: Case[] = (["auto", "trailers", "header", "two-step"] as const).flatMap((asked) =>
  (["file", "short", "pipe"] as const).flatMap((source) =>
    (["unknown", "kept", "dropped", "fatal"] as const).flatMap((known) =>
      (["keeps", "drops", "kills"] as const).flatMap((path) =>
        (["trailsum", "draft", "foreign"] as const).flatMap((server) =>
          [true, false].map((supportKnown) => ({ asked, source, known, path, server, supportKnown })),
        ),
      ),
    ),
  ),
);

interface Played {
  readonly delivered: boolean;
  readonly sent: readonly DeliveryMode[];
  readonly questions: number;
}

/** Plays a delivery to its end, as the plan has it. */
function play({ asked, source, known, path, server, supportKnown }: Case): Played {
  const uploadResources = server !== "foreign";
  const support = { uploadResources, probe: undefined };
  const situation: { -readonly [Key in keyof DeliverySituation]: DeliverySituation[Key] } = {
    asked,
    origin: "http://test",
    rereadable: source !== "pipe",
    whole: source === "short",
    trailers: asked === "auto" ? known : "unknown",
    evidence: "",
    support: supportKnown && uploadResources ? support : undefined,
    failure: undefined,
  };
  const sent: DeliveryMode[] = [];
  for (let questions = 0; ;) {
    if (sent.length + questions > 6) throw new Error("the delivery does not end");
    const plan = planDelivery(situation);
    switch (plan.step) {
      case "give up":
        return { delivered: false, sent, questions };
      case "ask":
        if (situation.support !== undefined) throw new Error("asks for what it knows");
        questions += 1;
        situation.support = support;
        break;
      case "probe":
        questions += 1;
        Object.assign(situation, { support, trailers: passageSeen({ path, server }) });
        break;
      case "send": {
        sent.push(plan.mode);
        const lost = plan.mode === "trailers" && path === "kills";
        // What loses its trailers without that is kept by trailsum, and stored by the others.
        if (!lost) return { delivered: true, sent, questions };
        if (asked !== "auto" || !situation.rereadable) return { delivered: false, sent, questions };
        const failure = new TrailsumError("CONNECTION_LOST", "the connection ended");
        Object.assign(situation, { trailers: "fatal", failure });
      }
    }
  }
}

function passageSeen({ path, server }: World): DeliverySituation["trailers"] {
  if (server === "foreign") return "unclear";
  if (path === "kills") return "fatal";
  return server === "draft" ? "unclear" : ({ keeps: "kept", drops: "dropped" } as const)[path];
}

const played = cases.map((one) => [one, play(one)] as const);

test("a source that can be read once is sent once at most, and never read for its digests before", () => {
  for (const [one, { sent }] of played.filter(([{ source }]) => source === "pipe")) {
    expect([one, sent.length <= 1, sent.includes("header")]).toEqual([one, true, false]);
  }
});

test("a server that does not understand upload resources is never sent content to stage", () => {
  for (const [one, { sent }] of played.filter(([{ server }]) => server === "foreign")) {
    expect([one, sent.includes("two-step")]).toEqual([one, false]);
  }
});

test("nothing is lost on the way to a server with upload resources, unless what is known is wrong", () => {
  const auto = played.filter(([{ asked, server }]) => asked === "auto" && server !== "foreign");
  for (const [one, { delivered }] of auto) {
    const { source, known, path } = one;
    const wrong = source === "pipe" && known === "kept" && path === "kills";
    expect([one, delivered]).toEqual([one, !wrong]);
  }
});

test("a mode that is asked for is used, or nothing is sent", () => {
  for (const [one, { sent }] of played.filter(([{ asked }]) => asked !== "auto")) {
    expect([one, sent.filter((mode) => mode !== one.asked), sent.length <= 1]).toEqual([one, [], true]);
  }
});

test("short content and trailers that are known to be kept take no question, and an unknown path takes one", () => {
  const auto = played.filter(([{ asked }]) => asked === "auto");
  for (const [one, { questions }] of auto) expect([one, questions <= 1]).toEqual([one, true]);
  const right = auto.filter(([{ path }]) => path !== "kills");
  for (const [one, { questions, sent }] of right.filter(([{ known }]) => known === "kept")) {
    expect([one, questions, sent]).toEqual([one, 0, ["trailers"]]);
  }
  for (const [one, { questions }] of right.filter(([{ source }]) => source === "short")) {
    expect([one, questions]).toEqual([one, 0]);
  }
});
