"""The encoders: networks that turn an image into features, coarser and coarser, for a decoder to read."""

from collections.abc import Callable

from pixelwise.errors import UserError, unknown
from pixelwise.models.squeezenet import SqueezeNet
from pixelwise.models.timm_encoder import TimmEncoder

TIMM = "timm:"
ENCODERS: dict[str, Callable[[int], SqueezeNet]] = {"squeezenet": SqueezeNet}


def build_encoder(name: str, in_channels: int, *, output_stride: int | None = None) -> SqueezeNet | TimmEncoder:
    """An encoder with fresh weights.

    name: one of ENCODERS, or "timm:" and the name of any timm model that gives feature maps, "timm:resnet34" for one.
    It has ``channels`` and ``strides``, finest first; called with images (n, in_channels, h, w), h and w multiples of
    the largest stride, it gives a list of features, each (n, channel, h / stride, w / stride).
    output_stride: what the largest stride shall be; left out it is what it is, mostly 32 (16 of squeezenet).
    Raises UserError for an unknown name, one that cannot have that stride, or where timm is missing.

    >>> build_encoder("squeezenet", in_channels=3).strides
    (2, 4, 8, 16)
    """
    if str(name).startswith(TIMM):  # a damaged file may say anything
        return TimmEncoder(name.removeprefix(TIMM), in_channels, output_stride=output_stride)
    if name not in ENCODERS:
        raise unknown("encoder", name, [*ENCODERS, f"{TIMM}NAME"])
    encoder = ENCODERS[name](in_channels)
    if output_stride not in (None, max(encoder.strides)):
        raise UserError(f"{name} has an output stride of {max(encoder.strides)}, not {output_stride}; leave it out")
    return encoder
