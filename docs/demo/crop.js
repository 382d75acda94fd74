// Squares of a photo as small gray images: the same levels as ferkit.deploy.crop_faces gives, which
// are Pillow's, to the bit; those of over 4,096 pixels a side are averaged first there.

const FRACTION_BITS = 22; // of weights, in Pillow's integer arithmetic

const SUPPORT = 2; // of the bicubic filter, in pixels

function weigh(x) {
  x = Math.abs(x);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
}

/** ITU-R 601 luma of RGBA values. */
export function toGray(rgba) {
  const gray = new Uint8Array(rgba.length / 4);
  for (let i = 0, j = 0; i < gray.length; i++, j += 4) {
    gray[i] = (rgba[j] * 19595 + rgba[j + 1] * 38470 + rgba[j + 2] * 7471 + 0x8000) >> 16;
  }
  return gray;
}

/** A square gray image at another size, by antialiased bicubic interpolation. */
export function resize(levels, from, to) {
  if (from === to) return levels;
  const weights = weighPixels(from, to);
  const rows = new Uint8Array(from * to); // one side, then the other, rounded in between
  for (let y = 0; y < from; y++) {
    for (let x = 0; x < to; x++) rows[y * to + x] = mean(levels, y * from, 1, weights[x]);
  }
  const resized = new Uint8Array(to * to);
  for (let y = 0; y < to; y++) {
    for (let x = 0; x < to; x++) resized[y * to + x] = mean(rows, x, to, weights[y]);
  }
  return resized;
}

function weighPixels(from, to) {
  const scale = from / to;
  const stretch = Math.max(scale, 1);
  const reach = SUPPORT * stretch;
  return Array.from({ length: to }, (_, position) => {
    const middle = (position + 0.5) * scale;
    const start = Math.max(Math.trunc(middle - reach + 0.5), 0);
    const end = Math.min(Math.trunc(middle + reach + 0.5), from);
    const weights = [];
    for (let i = start; i < end; i++) weights.push(weigh((i - middle + 0.5) * (1 / stretch)));
    const sum = weights.reduce((a, b) => a + b, 0);
    const toInteger = (weight) => (weight / sum) * 2 ** FRACTION_BITS;
    return { start, weights: weights.map(toInteger).map((w) => Math.trunc(w + (w < 0 ? -0.5 : 0.5))) };
  });
}

function mean(levels, offset, step, { start, weights }) {
  let sum = 1 << (FRACTION_BITS - 1);
  for (let i = 0, j = offset + start * step; i < weights.length; i++, j += step) {
    sum += levels[j] * weights[i];
  }
  return Math.min(Math.max(sum >> FRACTION_BITS, 0), 255);
}
