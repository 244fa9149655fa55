"""The embedded default: rendered streets with perfect labels, so that everything works with no data at all."""

from dataclasses import dataclass
from pathlib import Path

from pixelwise.data.dataset import Dataset, Sample
from pixelwise.data.layouts.splits import assemble
from pixelwise.labels import CAMVID11

SEED = 0
TRAIN, VAL, TEST = 600, 60, 100
# Where each split's scenes begin; far apart, so that no number of scenes makes two splits meet.
STARTS = {"train": 0, "val": 1_000_000, "test": 2_000_000}


@dataclass(frozen=True)
class Scene:
    """One rendered street, the same whenever it is read."""

    seed: int
    index: int

    @property
    def name(self) -> str:
        return f"street{self.index:07d}"

    @property
    def files(self) -> tuple[Path, ...]:
        """None."""
        return ()

    def read(self) -> Sample:
        """Renders the scene."""
        from pixelwise.data.streets import render  # the renderer's textures are built when it is first imported

        image, label = render(self.seed, self.index)
        return Sample(image, label, self.name)


def streets(train: int = TRAIN, val: int = VAL, test: int = TEST, *, seed: int = SEED) -> Dataset:
    """Rendered street scenes with the classes of CamVid-11; the splits never share a scene.

    train, val, test: how many scenes. seed: another seed gives other scenes.

    >>> data = streets(4, 2, 0)
    >>> len(data.train), data.val.names
    (4, ('street1000000', 'street1000001'))
    """
    counts = {"train": train, "val": val, "test": test}
    splits = {name: [Scene(seed, STARTS[name] + index) for index in range(count)] for name, count in counts.items()}
    return assemble(Path("streets"), "rendered", splits, labels=CAMVID11, evidence=f"embedded renderer, seed {seed}")
