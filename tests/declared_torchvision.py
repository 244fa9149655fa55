"""torchvision beside a torch that has no operators of it: declared they can be imported, called they fail.

torchvision's wheel from PyPI holds operators for CUDA's torch, which do not load beside the CPU's; its Python part,
which is all that timm and our comparisons need, asks only that two of them be known. Import this before timm or
torchvision.
"""

import torch

LIBRARY = torch.library.Library("torchvision", "FRAGMENT")

try:
    import torchvision
except RuntimeError:  # operator torchvision::nms does not exist
    for operator in ("nms", "qnms"):
        LIBRARY.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision  # noqa: F401
