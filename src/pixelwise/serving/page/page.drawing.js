// From labels to colours, and from places to classes. An answer is that of POST /predict, with label and confidence as
// one byte for each pixel.

// The greatest size of the same proportions with no more than so many pixels.
export function within({ width, height }, most) {
  const scale = Math.min(1, Math.sqrt(most / (width * height)));
  return [width, height].map((side) => Math.max(1, Math.floor(side * scale)));
}

// Fills a canvas with the colours of an answer's classes; a class without a colour is left transparent.
export function paint(canvas, answer, [width, height], colorOf) {
  const table = new Uint32Array(256);
  for (const { index, name } of answer.classes) {
    const color = colorOf(name);
    if (color) table[index] = ((255 << 24) | (color[2] << 16) | (color[1] << 8) | color[0]) >>> 0;
  }
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const columns = Uint32Array.from({ length: width }, (_, x) => ((x + 0.5) * answer.width) / width);
  for (let y = 0; y < height; y++) {
    const from = answer.width * Math.floor(((y + 0.5) * answer.height) / height);
    for (let x = 0; x < width; x++) pixels[y * width + x] = table[answer.label[from + columns[x]]];
  }
  context.putImageData(image, 0, 0);
}

// The pixel at a point, {x, y} in [0, 1): [column, row].
export const pixelAt = (answer, { x, y }) => [Math.floor(x * answer.width), Math.floor(y * answer.height)];

export function classAt(answer, point) {
  const [column, row] = pixelAt(answer, point);
  const place = row * answer.width + column;
  const name = answer.classes[answer.label[place]]?.name ?? "no class";
  return { model: answer.model, name, confidence: `${Math.round(answer.confidence[place] / 2.55)} %` };
}

// The share of the pixels to which two answers give a class of the same name.
export function agreement(first, second) {
  const numbers = new Map(second.classes.map(({ name, index }) => [name, index]));
  const same = first.classes.map(({ name }) => numbers.get(name));
  let count = 0;
  for (let place = 0; place < first.label.length; place++) count += same[first.label[place]] === second.label[place];
  return count / first.label.length;
}

// The photo with its classes over it: the first answer left of the cut, in [0, 1], the second right of it.
export function overlay(photo, answers, { size, opacity, cut, colorOf }) {
  const [width, height] = size;
  const [picture, layer] = [document.createElement("canvas"), document.createElement("canvas")];
  Object.assign(picture, { width, height });
  const context = picture.getContext("2d");
  context.drawImage(photo, 0, 0, width, height);
  context.globalAlpha = opacity;
  const middle = answers.length > 1 ? Math.round(width * cut) : width;
  const spans = [[0, middle], [middle, width]];
  answers.forEach((answer, place) => {
    const [from, to] = spans[place];
    if (to <= from) return;
    paint(layer, answer, size, colorOf);
    context.drawImage(layer, from, 0, to - from, height, from, 0, to - from, height);
  });
  return picture;
}

export function pictureFile(canvas, type = "image/png") {
  return new Promise((resolve, reject) => {
    const failed = () => reject(new Error("this browser has no memory for a picture of that size"));
    canvas.toBlob((blob) => (blob ? resolve(blob) : failed()), type, 0.95);
  });
}
