"""pixelwise: from a folder of images and masks to a model that labels every pixel.

import pixelwise as pw

print(*pw.check("camvid").problems, sep="\\n")
data  = pw.open_dataset("camvid")
model = pw.train(data, "unet", budget="30m")
print(pw.evaluate(model, data))
model.predict("street.jpg").overlay().save("street.png")
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pixelwise.api import Comparison, Model, compare, evaluate, import_keras, load, resume, train
    from pixelwise.averaging import average
    from pixelwise.checking import Check, check, freeze
    from pixelwise.data import Dataset, Sample, Split, open_dataset
    from pixelwise.errors import UserError
    from pixelwise.evaluation import Evaluation
    from pixelwise.export.runtime import Exported, open_exported
    from pixelwise.labels import LabelMap
    from pixelwise.prediction.segmentation import Segmentation
    from pixelwise.prediction.tiles import Tiles
    from pixelwise.prediction.view import View

__all__ = [
    "Check",
    "Comparison",
    "Dataset",
    "Evaluation",
    "Exported",
    "LabelMap",
    "Model",
    "Sample",
    "Segmentation",
    "Split",
    "Tiles",
    "UserError",
    "View",
    "average",
    "check",
    "compare",
    "evaluate",
    "freeze",
    "import_keras",
    "load",
    "open_dataset",
    "open_exported",
    "resume",
    "train",
]

_HOMES = {
    "pixelwise.api": ("Comparison", "Model", "compare", "evaluate", "import_keras", "load", "resume", "train"),
    "pixelwise.averaging": ("average",),
    "pixelwise.checking": ("Check", "check", "freeze"),
    "pixelwise.data": ("Dataset", "Sample", "Split", "open_dataset"),
    "pixelwise.errors": ("UserError",),
    "pixelwise.evaluation": ("Evaluation",),
    "pixelwise.export.runtime": ("Exported", "open_exported"),
    "pixelwise.labels": ("LabelMap",),
    "pixelwise.prediction.segmentation": ("Segmentation",),
    "pixelwise.prediction.tiles": ("Tiles",),
    "pixelwise.prediction.view": ("View",),
}


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """Imports a public name when it is first used, so that `import pixelwise` itself takes no time."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"module 'pixelwise' has no attribute '{name}'")
