"""The Keras networks whose weights pixelwise takes, and the discriminator, built from their descriptions.

For the environment of its own that README.md beside it makes; with TF_USE_LEGACY_KERAS=1 they are built in Keras 2.
"""

from typing import Any

import tensorflow as tf

layers, Model, Sequential = tf.keras.layers, tf.keras.Model, tf.keras.Sequential

WIDTHS = (1, 2, 4, 8, 8, 8)  # times the width of the first level


def carla_unet(classes: int = 23, width: int = 32, dropout: float = 0.3, skips_first: bool = False) -> Model:
    """The course notebook's U-Net: two 3x3 convolutions with ReLU per block, 3x3 transposed ones on the way up.

    One more 3x3 convolution, then 1x1 to the logits. skips_first: whether what was skipped lies before what came up.
    """
    image = layers.Input((96, 128, 3))
    deep, skips = image, []
    for level in range(5):
        deep = _two_convolutions(deep, width * 2**level)
        if level >= 3:
            deep = layers.Dropout(dropout)(deep)
        if level < 4:
            skips.append(deep)
            deep = layers.MaxPooling2D()(deep)
    for level in reversed(range(4)):
        grown = layers.Conv2DTranspose(width * 2**level, 3, strides=2, padding="same")(deep)
        joined = [skips[level], grown] if skips_first else [grown, skips[level]]
        deep = _two_convolutions(layers.Concatenate()(joined), width * 2**level)
    deep = layers.Conv2D(width, 3, padding="same", activation="relu")(deep)
    return Model(image, layers.Conv2D(classes, 1, padding="same")(deep))


def _two_convolutions(deep: Any, filters: int) -> Any:  # noqa: ANN401 - Keras has no types
    for _ in range(2):
        deep = layers.Conv2D(filters, 3, padding="same", activation="relu")(deep)
    return deep


def generator(stage: int, width: int = 64, dropout: float = 0.3, nested: bool = False) -> Model:
    """The 128x128 generator; stage 1 grows by transposed convolutions, stage 2 by upsampling and 1x1 convolutions.

    nested: whether each block is a model of its own, as some write it.
    """
    image = layers.Input((128, 128, 3))
    deep, skips = image, []
    for level, times in enumerate(WIDTHS):
        norm = [layers.BatchNormalization()] if level else []
        deep = _run([layers.Conv2D(width * times, 4, **STRIDED), *norm, layers.ReLU()], deep, nested)
        skips.append(deep)
    deep = _run([layers.Conv2D(width * WIDTHS[-1], 4, **STRIDED), layers.ReLU()], deep, nested)
    for level, times in enumerate(reversed(WIDTHS)):
        drop = [layers.Dropout(dropout)] if level < 2 else []
        deep = _run([*_grow(width * times, stage), layers.BatchNormalization(), *drop], deep, nested)
        deep = layers.ReLU()(layers.Concatenate()([deep, skips[-1 - level]]))
    if stage == 1:
        return Model(image, layers.Conv2DTranspose(3, 4, activation="tanh", **STRIDED)(deep))
    deep = _run(_grow(width, stage), deep, nested)
    return Model(image, layers.Conv2D(3, 3, padding="same", activation="tanh")(deep))


def discriminator(width: int = 64) -> Model:
    """4x4 verdicts on a photo and its picture, one above the other."""
    both = layers.Input((128, 128, 6))
    deep = both
    for level, times in enumerate(WIDTHS[:-1]):
        deep = layers.Conv2D(width * times, 4, **STRIDED)(deep)
        deep = layers.BatchNormalization()(deep) if level else deep
        deep = layers.LeakyReLU(0.2)(deep)
    return Model(both, layers.Conv2D(1, 4, padding="same", activation="tanh")(deep))


STRIDED: dict[str, Any] = {"strides": 2, "padding": "same"}


def _grow(filters: int, stage: int) -> list[Any]:
    if stage == 1:
        return [layers.Conv2DTranspose(filters, 4, **STRIDED)]
    return [layers.UpSampling2D(), layers.Conv2D(filters, 1, padding="same")]


def _run(parts: list[Any], deep: Any, nested: bool) -> Any:  # noqa: ANN401
    if nested:
        return Sequential(parts)(deep)
    for part in parts:
        deep = part(deep)
    return deep
