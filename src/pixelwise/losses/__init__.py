"""What is minimised: pure functions of logits and labels.

All of `LOSSES` are called alike, `loss(logits, label, ignore=255, weights=None)`: logits (n, k, h, w) of any float
type, label (n, h, w) int64, one weight per class or none; a float32 scalar comes back, 0 where every pixel is ignored.
"""

from pixelwise.losses.boundary import border_weights, boundary_loss, signed_distances, unet_loss
from pixelwise.losses.combination import (
    AUXILIARY,
    LOSSES,
    Loss,
    Term,
    combine,
    deeply_supervised,
    settings_of,
)
from pixelwise.losses.cross_entropy import (
    cross_entropy,
    focal_loss,
    ohem_loss,
    pixel_cross_entropy,
    pixel_weight,
    pixel_weights,
)
from pixelwise.losses.games import GAN_LOSSES, least_squares_gan, mean_difference, vanilla_gan
from pixelwise.losses.lovasz import lovasz_softmax
from pixelwise.losses.overlap import dice_loss, generalised_dice_loss, tversky_loss

__all__ = [
    "AUXILIARY",
    "GAN_LOSSES",
    "LOSSES",
    "Loss",
    "Term",
    "border_weights",
    "boundary_loss",
    "combine",
    "cross_entropy",
    "deeply_supervised",
    "dice_loss",
    "focal_loss",
    "generalised_dice_loss",
    "least_squares_gan",
    "lovasz_softmax",
    "mean_difference",
    "ohem_loss",
    "pixel_cross_entropy",
    "pixel_weight",
    "pixel_weights",
    "settings_of",
    "signed_distances",
    "tversky_loss",
    "unet_loss",
    "vanilla_gan",
]
