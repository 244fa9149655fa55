"""One batch in several processes: each sees a part of it, and all learn what one would that sees the whole.

Gradients are added up after the last part of a step, not by torch's DistributedDataParallel while it is worked out: so
a step may go down in several parts and frozen weights may thaw, without a word to it.
"""

from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from pixelwise.errors import UserError
from pixelwise.models import PAINTERS
from pixelwise.processes import count, total
from pixelwise.training.recipe import Recipe


def check_processes(recipe: Recipe) -> None:
    """Raises UserError for what cannot be shared by the processes that there are."""
    if count() > 1 and recipe.model in PAINTERS:
        raise UserError(f"{recipe.model} trains in one process, for its rival sees whole batches; leave torchrun out")
    if recipe.batch < count() * recipe.accumulate:
        parts = f"{count()} processes" + f" in {recipe.accumulate} parts each" * (recipe.accumulate > 1)
        raise UserError(f"a batch of {recipe.batch} cannot be shared by {parts}; give a larger --batch")


def share_gradients(weights: list[nn.Parameter]) -> None:
    """Adds up the gradients of all processes."""
    if count() == 1:
        return
    gradients = [one.grad for one in weights if one.grad is not None]
    whole = total(torch.cat([gradient.flatten() for gradient in gradients])).to(gradients[0].device)
    for gradient, summed in zip(gradients, torch.split(whole, [one.numel() for one in gradients]), strict=True):
        gradient.copy_(summed.view_as(gradient))


def share_statistics(network: nn.Module) -> nn.Module:
    """The network, whose batch norms go by the whole batch where several processes share it."""
    if count() == 1:
        return network
    if next(network.parameters()).device.type == "cuda":
        synchronised: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
        return synchronised
    for module in network.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = SharedBatchNorm
    return network


class SharedBatchNorm(nn.BatchNorm2d):
    """Batch norm by the statistics of all processes' images, on a processor; torch has it for GPUs only."""

    def forward(self, seen: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """As nn.BatchNorm2d over the images of all processes."""
        if not self.training:
            return super().forward(seen)
        normal, mean, variance, pixels = _Normal.apply(seen, self.weight, self.bias, self.eps)  # type: ignore[no-untyped-call]
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.running_mean.lerp_(mean, self.momentum or 0.0)
        self.running_var.lerp_(variance * pixels / (pixels - 1), self.momentum or 0.0)
        self.num_batches_tracked += 1
        return cast(Tensor, normal)


class _Normal(torch.autograd.Function):
    """Batch norm over all processes, by torch's kernels for known statistics, and one exchange in each direction."""

    @staticmethod
    def forward(
        context: Any,  # noqa: ANN401 - what torch hands from here to `backward`
        seen: Tensor,
        weight: Tensor,
        bias: Tensor,
        eps: float,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        variance, mean = torch.var_mean(seen.float(), (0, 2, 3), correction=0)
        here = seen.new_tensor([seen.numel() / seen.shape[1]], dtype=torch.float64)
        mean, variance = mean.double(), variance.double()  # for a difference of squares is taken
        whole = total(torch.cat([here * mean, here * (variance + mean**2), here]))
        sums, squares, pixels = whole[: len(mean)], whole[len(mean) : -1], whole[-1:]
        mean = sums / pixels
        variance = (squares / pixels - mean**2).float()
        mean, pixels = mean.float(), pixels.float()
        context.eps = eps
        context.save_for_backward(seen, weight, mean, variance, pixels)
        context.mark_non_differentiable(mean, variance, pixels)
        return F.batch_norm(seen, mean, variance, weight, bias, training=False, eps=eps), mean, variance, pixels

    @staticmethod
    def backward(context: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:  # noqa: ANN401
        """(Ioffe and Szegedy 2015, section 3): the gradient at known statistics, less what moves them."""
        seen, weight, mean, variance, pixels = context.saved_tensors
        known, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(
            gradient, seen, weight, mean, variance, None, None, False, context.eps, [True, True, True]
        )
        from_weight, from_bias = total(torch.stack([of_weight, of_bias]))
        steep = weight * torch.rsqrt(variance + context.eps) / pixels
        slope = steep * from_weight * torch.rsqrt(variance + context.eps)
        moved = torch.addcmul((steep * from_bias - slope * mean)[:, None, None], seen, slope[:, None, None])
        return (known - moved).to(seen.dtype), of_weight, of_bias, None
