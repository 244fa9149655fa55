"""Draws docs/models/*.svg: the diagram of every model, and the U-Net exactly as in the paper's figure 1.

python benchmarks/draw_models.py            draws them
python benchmarks/draw_models.py --check    exits with 1 where a file is not what the code draws now
"""

import sys
from pathlib import Path
from typing import Any

from pixelwise.models import MODELS
from pixelwise.models.survey import describe, on_meta
from pixelwise.models.tracing import stages
from pixelwise.report.diagram import draw_network

FOLDER = Path(__file__).parents[1] / "docs" / "models"
STREET: dict[str, Any] = {"classes": 11, "size": (352, 480)}
# Where a model is drawn otherwise than for CamVid's 11 classes, and what is drawn besides.
OTHERS: dict[str, dict[str, Any]] = {
    "unet_carla": {"classes": 23, "size": (96, 128)},
    "pix2pix": {"classes": 19, "size": (256, 256)},
    "pix2pix_128": {"classes": 19, "size": (128, 128)},
    "pix2pix_softmax": {"classes": 19, "size": (256, 256)},
    "unet_paper": {
        "model": "unet",
        "classes": 2,
        "size": (388, 388),
        "in_channels": 1,
        "padding": "valid",
        "batch_norm": False,
    },
}


def drawings() -> dict[Path, str]:
    """Every file and what it shall hold."""
    figures = {name: {"model": name, **OTHERS.get(name, STREET)} for name in MODELS} | {
        name: figure for name, figure in OTHERS.items() if name not in MODELS
    }
    return {FOLDER / f"{name}.svg": drawing(**figure) for name, figure in figures.items()}


def drawing(model: str, classes: int, size: tuple[int, int], *, in_channels: int = 3, **options: Any) -> str:  # noqa: ANN401
    """One diagram."""
    network = on_meta(model, classes, in_channels=in_channels, **options)
    described = describe(model, classes, size, in_channels=in_channels, **options)
    return draw_network(stages(network, size), described.title, str(described))


def main() -> None:
    drawn = drawings()
    if "--check" in sys.argv:
        sys.exit(any(not path.exists() or path.read_text(encoding="utf-8") != text for path, text in drawn.items()))
    FOLDER.mkdir(exist_ok=True)
    for path, text in drawn.items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
