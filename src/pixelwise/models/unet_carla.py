"""The U-Net of the well-known course notebook, which labels frames of the CARLA simulator of 96x128 pixels.

DeepLearning.AI, "Convolutional Neural Networks", week 3, "Image Segmentation with U-Net" (Keras): 23 classes, trained
with sparse categorical cross-entropy on logits. The network is that of Ronneberger et al. 2015 (models/unet.py).
"""

from torch import nn

from pixelwise.models.layers import conv_relu, he_normal
from pixelwise.models.unet import UNet


def unet_carla(in_channels: int, classes: int, *, width: int = 32, dropout: float = 0.3) -> UNet:
    """A U-Net of half the paper's width, with same padding and without batch norm.

    Per block two 3x3 convolutions with ReLU; 3x3 transposed convolutions of stride 2 to the skip's width; one more 3x3
    convolution before the 1x1 classifier. width: filters of the first level. dropout: probability at the end of the two
    deepest blocks, and so in the fourth skip too. Weights start He-normal.

    >>> sum(weights.numel() for weights in unet_carla(in_channels=3, classes=23).parameters())
    8640471
    """
    network = UNet(in_channels, classes, width=width, upsample="transpose3", batch_norm=False, dropout=dropout)
    network.classify = nn.Sequential(*conv_relu(width, width, batch_norm=False), network.classify)
    he_normal(network.classify)
    return network
