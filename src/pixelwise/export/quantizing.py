"""int8: filters and what lies between them as whole numbers of 8 bits, in ranges that real images set.

Static quantisation (Jacob et al. 2018, https://arxiv.org/abs/1712.05877): filters in one range for each of their
channels, what they give in one range for all, from the least to the largest value that the images gave.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pixelwise.data.dataset import Image
from pixelwise.errors import UserError
from pixelwise.export.quiet import quiet
from pixelwise.export.runtime import INSTALL

QUANTIZED = ("Conv", "ConvTranspose", "Relu", "MaxPool", "Concat", "Resize", "Add")


def quantize(path: Path, target: Path, images: Sequence[Image]) -> None:
    """Writes an ONNX file that multiplies in int8 from the first to the last convolution. images: that set the ranges.

    Raises UserError where a package is missing.
    """
    try:
        import onnx
        from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    except ImportError as error:
        raise UserError(f"{target}: needs onnx and onnxruntime; run `{INSTALL}`") from error
    nodes = onnx.load(path).graph.node
    convolutions = [place for place, node in enumerate(nodes) if node.op_type in QUANTIZED[:2]]
    between = nodes[convolutions[0] : convolutions[-1] + 1]
    with quiet():  # it wants a step done first that the export has done
        quantize_static(
            path,
            target,
            _Reader(images),
            quant_format=QuantFormat.QDQ,
            nodes_to_quantize=[node.name for node in between if node.op_type in QUANTIZED],
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )


class _Reader:
    """The images as ONNX Runtime asks for them, one after the other."""

    def __init__(self, images: Sequence[Image]) -> None:
        self.coming: Iterator[Image] = iter(images)

    def get_next(self) -> dict[str, Any] | None:
        image = next(self.coming, None)
        return None if image is None else {"image": image[None]}
