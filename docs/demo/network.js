// The network, run by ONNX Runtime Web.

import * as ort from "./onnxruntime.js";

ort.env.wasm.numThreads = 1; // more need headers that plain file servers do not send
ort.env.wasm.wasmPaths = { wasm: new URL("onnxruntime.wasm", import.meta.url).href };

let session = null;

/** Side of a face in pixels, and the names of the emotions. */
export let side, names;

/** Load it; its emotions' colours, by name. */
export async function load() {
  const facts = await (await fetch("model.json")).json();
  session = await ort.InferenceSession.create("model.onnx", { executionProviders: ["wasm"] });
  side = facts.side;
  names = Object.keys(facts.emotions);
  await predict(new Uint8Array(side ** 2)); // the first time takes longer
  return facts.emotions;
}

/** Probabilities of gray faces, one after the other in `faces`: names.length for each. */
export async function predict(faces) {
  const images = new ort.Tensor("uint8", faces, [faces.length / side ** 2, side, side]);
  const start = performance.now();
  const { probabilities } = await session.run({ images }, ["probabilities"]);
  return { probabilities: probabilities.data, milliseconds: performance.now() - start };
}
