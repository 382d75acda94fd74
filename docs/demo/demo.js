// The page: a picture or the camera, a square of it, and what the network says about that.

import { resize, toGray } from "./crop.js";
import { load, names, predict, side as faceSide } from "./network.js";

const find = (id) => document.getElementById(id);
const [stage, view, hint, message, seen] = ["stage", "view", "hint", "message", "seen"].map(find);
const [cameraButton, sizing, size] = ["camera", "sizing", "size"].map(find);

let picture = null; // { image, width, height, mirrored }: an ImageBitmap, or the camera's <video>
let square = null; // { x, y, side }, in pixels of the picture
let middle = null; // of the square, before rounding: small steps add up
let answer = null; // { picture, square, face, probabilities, milliseconds }, the last one
let stream = null; // the camera's

async function start() {
  try {
    makeBars(await load());
    if (message.textContent.startsWith("Loading")) say("");
  } catch (error) {
    say(`The network could not be loaded: ${error.message}`, true);
    throw error;
  }
}

// --- from the picture to the answer --------------------------------------------------------------

const cut = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

/** The gray levels of a square of the picture. */
function crop({ image }, { x, y, side }) {
  if (cut.canvas.width !== side) cut.canvas.width = cut.canvas.height = side;
  cut.fillStyle = "white"; // what transparent pixels lie on
  cut.fillRect(0, 0, side, side);
  cut.drawImage(image, x, y, side, side, 0, 0, side, side);
  return resize(toGray(cut.getImageData(0, 0, side, side).data), side, faceSide);
}

let isBusy = false;

/** Draw, and answer; while an answer is on its way, the next one waits. */
async function update() {
  draw();
  if (isBusy) return;
  isBusy = true;
  try {
    await ready;
    do {
      const face = crop(picture, square);
      answer = { picture, square, face, ...(await predict(face)) };
      show(answer);
    } while (answer.picture !== picture || answer.square !== square);
  } finally {
    isBusy = false;
  }
}

function draw() {
  const { image, width, height } = picture;
  const scale = Math.min(1, 1200 / Math.max(width, height));
  const [w, h] = [width, height].map((length) => Math.max(1, Math.round(length * scale)));
  if (view.width !== w || view.height !== h) [view.width, view.height] = [w, h];
  const pen = view.getContext("2d");
  pen.clearRect(0, 0, w, h);
  pen.drawImage(image, 0, 0, w, h);
  const [x, y, side] = [square.x, square.y, square.side].map((length) => length * scale);
  pen.fillStyle = "#000a";
  pen.beginPath();
  pen.rect(0, 0, w, h);
  pen.rect(x, y, side, side);
  pen.fill("evenodd");
  const line = Math.max(1, Math.max(w, h) / 250);
  pen.lineWidth = line;
  pen.setLineDash([]);
  pen.strokeStyle = "#fff";
  pen.strokeRect(x + line / 2, y + line / 2, side - line, side - line);
  pen.setLineDash([3 * line, 3 * line]);
  pen.strokeStyle = "#fff9";
  pen.beginPath(); // where a face belongs
  pen.ellipse(x + side / 2, y + side * 0.5, side * 0.36, side * 0.46, 0, 0, 2 * Math.PI);
  pen.stroke();
}

let bars = [];

function makeBars(colors) {
  bars = names.map((name) => {
    const tags = ["li", "span", "div", "div", "span"];
    const [item, label, track, bar, percent] = tags.map((tag) => document.createElement(tag));
    label.textContent = name;
    [track.className, bar.className, percent.className] = ["track", "bar", "percent"];
    bar.style.background = colors[name];
    track.append(bar);
    item.append(label, track, percent);
    find("bars").append(item);
    return { item, bar, percent };
  });
}

const times = []; // of the last answers: the median does not flicker

function show({ face, probabilities, milliseconds }) {
  const best = probabilities.indexOf(Math.max(...probabilities));
  bars.forEach(({ item, bar, percent }, i) => {
    item.classList.toggle("top", i === best);
    bar.style.width = `${probabilities[i] * 100}%`;
    percent.textContent = toPercent(probabilities[i]);
  });
  find("top").textContent = `${names[best]} ${toPercent(probabilities[best])}`;
  times.unshift(milliseconds);
  times.splice(31);
  const median = times.toSorted((a, b) => a - b)[times.length >> 1];
  find("time").textContent = `${median.toFixed(1)} ms a face`;
  showFace(face);
}

const toPercent = (probability) => `${Math.round(probability * 100)} %`;

function showFace(face) {
  seen.width = seen.height = faceSide;
  const rgba = new Uint8ClampedArray(face.length * 4);
  face.forEach((level, i) => rgba.set([level, level, level, 255], 4 * i));
  seen.getContext("2d").putImageData(new ImageData(rgba, faceSide), 0, 0);
}

function say(text, isError = false) {
  message.textContent = text;
  message.classList.toggle("error", isError);
}

// --- pictures ------------------------------------------------------------------------------------

function setPicture(image, width, height, mirrored) {
  picture?.image.close?.();
  picture = { image, width, height, mirrored };
  const whole = Math.min(width, height);
  [size.min, size.max] = [Math.min(whole, 16), whole];
  const side = mirrored ? Math.round(whole * 0.75) : whole;
  view.hidden = sizing.hidden = false;
  hint.hidden = true;
  stage.classList.add("filled");
  view.classList.toggle("mirrored", mirrored);
  times.length = 0;
  setSquare((width - side) / 2, (height - side) / 2, side);
}

/** Move the square, which stays within the picture. */
function setSquare(x, y, side) {
  const clip = (value, low, high) => Math.min(Math.max(value, low), high);
  side = Math.round(clip(side, Number(size.min), Number(size.max)));
  x = clip(x, 0, picture.width - side);
  y = clip(y, 0, picture.height - side);
  middle = { x: x + side / 2, y: y + side / 2 };
  square = { x: Math.round(x), y: Math.round(y), side };
  size.value = side;
  return update();
}

/** Change the square's side around its middle. */
function zoom(side) {
  const { x, y } = middle;
  setSquare(x - side / 2, y - side / 2, side);
}

async function openFile(file) {
  if (!file) return;
  let image;
  try {
    // upright as its EXIF says, and the file's own levels, as ferkit.deploy.read_photo reads them
    image = await createImageBitmap(file, { colorSpaceConversion: "none" });
  } catch {
    say(`${file.name} is no picture that this browser can read.`, true);
    return;
  }
  stopCamera();
  say("Drag and resize the square until the face fills the oval.");
  setPicture(image, image.width, image.height, false);
}

// --- the camera ----------------------------------------------------------------------------------

async function startCamera() {
  try {
    const video = { facingMode: "user", width: { ideal: 640 }, height: { ideal: 480 } };
    stream = await navigator.mediaDevices.getUserMedia({ video });
  } catch (error) {
    const isMissing = !navigator.mediaDevices;
    say(isMissing ? "Browsers give the camera to https pages only." : `No camera: ${error.message}`, true);
    return;
  }
  const video = Object.assign(document.createElement("video"), { muted: true, playsInline: true });
  video.srcObject = stream;
  await video.play();
  cameraButton.textContent = "Stop the camera";
  say("Look into the camera; your face belongs in the oval.");
  setPicture(video, video.videoWidth, video.videoHeight, true);
  const track = stream.getVideoTracks()[0];
  track.onended = stopCamera;
  const follow = async () => {
    if (picture?.image !== video || track.readyState === "ended") return;
    await update();
    requestAnimationFrame(follow);
  };
  requestAnimationFrame(follow);
}

function stopCamera() {
  if (!stream) return;
  stream.getTracks().forEach((track) => track.stop());
  stream = null;
  cameraButton.textContent = "Use the camera";
  say("The camera is off.");
}

// --- hands ---------------------------------------------------------------------------------------

find("file").addEventListener("change", ({ target }) => {
  openFile(target.files[0]);
  target.value = ""; // so that the same file can be chosen again
});
cameraButton.addEventListener("click", () => (stream ? stopCamera() : startCamera()));
size.addEventListener("input", () => zoom(Number(size.value)));

addEventListener("dragover", (event) => {
  event.preventDefault();
  stage.classList.add("over");
});
addEventListener("dragleave", () => stage.classList.remove("over"));
addEventListener("drop", (event) => {
  event.preventDefault();
  stage.classList.remove("over");
  openFile(event.dataTransfer.files[0]);
});
addEventListener("paste", (event) => openFile(event.clipboardData.files[0]));

const pointers = new Map(); // those that are down: one moves, two also resize
let grip = null; // where they and the square were when the last one came or went

function measure() {
  const points = [...pointers.values()];
  const mean = (key) => points.reduce((sum, point) => sum + point[key], 0) / points.length;
  const [one, other] = points;
  const spread = other ? Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY) : 1;
  return { x: mean("clientX"), y: mean("clientY"), spread: Math.max(spread, 1) };
}

function hold() {
  grip = { ...measure(), middle, side: square.side };
}

view.addEventListener("pointerdown", (event) => {
  view.setPointerCapture(event.pointerId);
  pointers.set(event.pointerId, event);
  hold();
});
view.addEventListener("pointermove", (event) => {
  if (!pointers.has(event.pointerId)) return;
  pointers.set(event.pointerId, event);
  const now = measure();
  const box = view.getBoundingClientRect();
  const scale = Math.max(picture.width / box.width, picture.height / box.height);
  const side = Math.round((grip.side * now.spread) / grip.spread);
  const right = (now.x - grip.x) * scale * (picture.mirrored ? -1 : 1);
  const down = (now.y - grip.y) * scale;
  setSquare(grip.middle.x + right - side / 2, grip.middle.y + down - side / 2, side);
});
for (const end of ["pointerup", "pointercancel"]) {
  view.addEventListener(end, (event) => {
    pointers.delete(event.pointerId);
    if (pointers.size) hold();
  });
}
view.addEventListener("wheel", (event) => {
  event.preventDefault();
  const change = square.side * (1.0015 ** event.deltaY - 1);
  zoom(square.side + Math.sign(change) * Math.max(Math.round(Math.abs(change)), 1));
});
view.addEventListener("keydown", ({ key }) => {
  const step = Math.max(1, square.side / 20);
  const sideways = picture.mirrored ? -step : step;
  const [right, down] = { ArrowLeft: [-sideways, 0], ArrowRight: [sideways, 0] }[key] ??
    { ArrowUp: [0, -step], ArrowDown: [0, step] }[key] ?? [0, 0];
  if (right || down) setSquare(square.x + right, square.y + down, square.side);
  if (key === "+" || key === "-") zoom(square.side + (key === "+" ? 2 : -2) * step);
});

const ready = start();

/** For the console, and for tests. */
window.ferkit = { ready, predict, setSquare, answer: () => answer, forget: () => (answer = null) };
