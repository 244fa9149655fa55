"""Draws docs/streets.png: held-out rendered streets as photo | truth | prediction, by the model of a demo run.

python benchmarks/draw_streets.py runs/record/demo_streets
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

import pixelwise as pw

SCENES = (3, 8, 17, 24, 31, 38)  # of the test split: day, night, rain, fog
COLUMNS = 2


def main(run: str) -> None:
    model, test = pw.load(run, "cpu"), pw.open_dataset("streets").test
    strips = []
    for index in SCENES:
        image, label, _ = test[index]
        strips.append(np.asarray(model.predict(image).side_by_side(label)))
    rows = [np.hstack(strips[start : start + COLUMNS]) for start in range(0, len(strips), COLUMNS)]
    sheet = Image.fromarray(np.vstack(rows))
    sheet.resize((sheet.width * 3 // 4, sheet.height * 3 // 4), Image.Resampling.LANCZOS).save(
        Path(__file__).parents[1] / "docs" / "streets.png", optimize=True
    )


if __name__ == "__main__":
    main(sys.argv[1])
