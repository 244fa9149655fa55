"""The encoders: networks that turn an image into features, coarser and coarser, for a decoder to read."""

from pixelwise.errors import UserError, unknown
from pixelwise.models.efficientnet_lite import SCALES, EfficientNetLite
from pixelwise.models.squeezenet import SqueezeNet
from pixelwise.models.timm_encoder import TimmEncoder

TIMM = "timm:"
LITE = {f"efficientnet_lite{scale}": scale for scale in range(len(SCALES))}
ENCODERS = ("squeezenet", *LITE)
Encoder = SqueezeNet | EfficientNetLite | TimmEncoder


def build_encoder(name: str, in_channels: int, *, output_stride: int | None = None) -> Encoder:
    """An encoder with fresh weights.

    name: one of ENCODERS, or "timm:" and the name of any timm model that gives feature maps, "timm:resnet34" for one.
    It has ``channels`` and ``strides``, finest first; called with images (n, in_channels, h, w), h and w multiples of
    the largest stride, it gives a list of features, each (n, channel, h / stride, w / stride).
    output_stride: what the largest stride shall be; left out it is what it is, mostly 32 (16 of squeezenet).
    Raises UserError for an unknown name, one that cannot have that stride, or where timm is missing.

    >>> build_encoder("squeezenet", in_channels=3).strides
    (2, 4, 8, 16)
    >>> build_encoder("efficientnet_lite0", in_channels=3, output_stride=16).strides
    (2, 4, 8, 16, 16)
    """
    if str(name).startswith(TIMM):  # a damaged file may say anything
        return TimmEncoder(name.removeprefix(TIMM), in_channels, output_stride=output_stride)
    if name not in ENCODERS:
        raise unknown("encoder", name, [*ENCODERS, f"{TIMM}NAME"])
    possible = (16, 32) if name in LITE else (16,)
    if output_stride not in (None, *possible):
        strides = " or ".join(map(str, possible))
        raise UserError(f"{name} has an output stride of {strides}, not {output_stride}; leave it out")
    if name in LITE:
        return EfficientNetLite(in_channels, scale=LITE[name], output_stride=output_stride or 32)
    return SqueezeNet(in_channels)
