// PNGs as bytes. Class indices are read here and not by a canvas, for some browsers blur what is read from a canvas.

export function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let place = 0; place < bytes.length; place++) bytes[place] = text.charCodeAt(place);
  return bytes;
}

function* chunksOf(png) {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  for (let place = 8, size; place < png.length; place += 12 + size) {
    size = view.getUint32(place);
    const kind = String.fromCharCode(...png.subarray(place + 4, place + 8));
    yield { kind, place, data: png.subarray(place + 8, place + 8 + size) };
  }
}

// The pixels of an 8-bit grey PNG, row by row.
export async function greyOf(png) {
  const chunks = [...chunksOf(png)];
  const head = chunks[0].data;
  const view = new DataView(head.buffer, head.byteOffset);
  if (head[8] !== 8 || head[9] !== 0 || head[12] !== 0) throw new Error("the server sent no 8-bit grey PNG; update it");
  const packed = new Blob(chunks.filter((chunk) => chunk.kind === "IDAT").map((chunk) => chunk.data));
  const lines = new Response(packed.stream().pipeThrough(new DecompressionStream("deflate")));
  return unfiltered(new Uint8Array(await lines.arrayBuffer()), view.getUint32(0), view.getUint32(4));
}

function nearest(left, up, corner) {
  const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}

// What was taken off each pixel of a line, by the number that the line begins with (PNG, third edition, section 9).
const GUESSES = [() => 0, (left) => left, (left, up) => up, (left, up) => (left + up) >> 1, nearest];

function unfiltered(lines, width, height) {
  const pixels = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const from = y * (width + 1) + 1;
    const to = y * width;
    const guess = GUESSES[lines[from - 1]];
    for (let x = 0; x < width; x++) {
      const left = x ? pixels[to + x - 1] : 0;
      const up = y ? pixels[to + x - width] : 0;
      const corner = x && y ? pixels[to + x - width - 1] : 0;
      pixels[to + x] = lines[from + x] + guess(left, up, corner);
    }
  }
  return pixels;
}

function checksum(bytes) {
  let sum = -1;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return ~sum >>> 0;
}

function chunkOf(kind, data) {
  const bytes = new Uint8Array(12 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set([...kind].map((letter) => letter.charCodeAt(0)), 4);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, checksum(bytes.subarray(4, 8 + data.length)));
  return bytes;
}

// The same pixels with a palette: they stay class indices, and viewers show them in the classes' colours.
export function withPalette(png, colors) {
  const [head, next] = chunksOf(png);
  const asPalette = head.data.slice();
  asPalette[9] = 3;
  const palette = new Uint8Array(256 * 3);
  palette.set(colors.slice(0, 256).flat());
  const parts = [png.subarray(0, 8), chunkOf("IHDR", asPalette), chunkOf("PLTE", palette), png.subarray(next.place)];
  return new Blob(parts, { type: "image/png" });
}
