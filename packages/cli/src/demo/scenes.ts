import { completedCut, enforcedCut } from "./download-scenes.ts";
import type { Scene } from "./scene.ts";
import { flippedBit, lostTrailers, twoSteps, verifiedUpload } from "./upload-scenes.ts";

/** The demo, in its order: the downloads fetch what the first upload has stored. */
export const scenes: readonly Scene[] = [verifiedUpload, flippedBit, lostTrailers, twoSteps, completedCut, enforcedCut];
