"""What a painter and its rival minimise: the difference from the true picture, and the two sides of their game."""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


def mean_difference(
    painted: Float[Tensor, "n c h w"], truth: Float[Tensor, "n c h w"], weights: Float[Tensor, "n 1 h w"]
) -> Float[Tensor, ""]:
    """L1: the mean absolute difference of two pictures, each pixel by its weight (0 if all weights are).

    Source: Isola et al., "Pix2Pix", CVPR 2017, equation 3.

    >>> import torch
    >>> mean_difference(torch.ones(1, 3, 1, 2), torch.zeros(1, 3, 1, 2), torch.tensor([[[[1.0, 0.0]]]])).item()
    1.0
    """
    total = ((painted - truth).abs() * weights).sum()
    return total / (painted.shape[1] * weights.sum()).clamp(min=1e-12)


def vanilla_gan(verdict: Float[Tensor, "n 1 h w"], real: bool) -> Float[Tensor, ""]:
    """Cross-entropy of a discriminator's verdicts, logits, with what they should be; of the painter: should it be real.

    Source: Goodfellow et al., "Generative Adversarial Nets", NeurIPS 2014, with the painter's loss of its section 3.

    >>> import torch
    >>> vanilla_gan(torch.zeros(1, 1, 1, 1), True).item()  # ln 2: it cannot tell
    0.6931471824645996
    """
    return F.softplus(-verdict if real else verdict).mean()


def least_squares_gan(verdict: Float[Tensor, "n 1 h w"], real: bool) -> Float[Tensor, ""]:
    """Squared distance of a discriminator's verdicts from 1 (real) or -1 (painted).

    Source: Mao et al., "Least Squares Generative Adversarial Networks", ICCV 2017, with a = -1 and b = c = 1.

    >>> import torch
    >>> least_squares_gan(torch.zeros(1, 1, 1, 1), False).item()
    1.0
    """
    return (verdict - (1 if real else -1)).square().mean()


GAN_LOSSES = {"vanilla": vanilla_gan, "least_squares": least_squares_gan}
