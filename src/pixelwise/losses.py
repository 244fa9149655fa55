"""What is minimised: pure functions of logits and labels."""

from collections.abc import Callable, Sequence

from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional as F


def cross_entropy(
    logits: Float[Tensor, "n k h w"],
    label: Int64[Tensor, "n h w"],
    *,
    ignore: int = 255,
    weights: Float[Tensor, " k"] | None = None,
) -> Float[Tensor, ""]:
    """Sparse categorical cross-entropy, the mean over the pixels that are not ignored (0 if there are none).

    weights: of the classes, positive; the mean is then weighted by them.
    Source: Long, Shelhamer, Darrell, "FCN", CVPR 2015 (per pixel); in float32 whatever the logits are.

    >>> import torch
    >>> cross_entropy(torch.zeros(1, 2, 1, 1), torch.tensor([[[1]]])).item()  # ln 2
    0.6931471824645996
    """
    total = F.cross_entropy(logits.float(), label, weight=weights, ignore_index=ignore, reduction="sum")
    counted = label != ignore
    weight = counted.sum() if weights is None else weights[label[counted]].sum()
    return total / weight.clamp(min=1e-12)


AUXILIARY = 0.4  # weight of an auxiliary head's loss, as in PSPNet (Zhao et al. 2017)


def deeply_supervised(
    loss: Callable[[Tensor], Tensor], outputs: Sequence[Float[Tensor, "n k h w"]]
) -> Float[Tensor, ""]:
    """The loss of the logits, and 0.4 times that of every auxiliary head's.

    outputs: logits first, then those of the heads; most networks have none.
    Source: Lee et al., "Deeply-Supervised Nets", AISTATS 2015.

    >>> import torch
    >>> deeply_supervised(lambda logits: logits.mean(), [torch.ones(1, 2, 1, 1), torch.ones(1, 2, 1, 1)]).item()
    1.399999976158142
    """
    main, *auxiliary = (loss(logits) for logits in outputs)
    return main + AUXILIARY * sum(auxiliary)


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
