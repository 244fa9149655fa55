"""One batch in several processes: each sees a part of it, and all learn what one would that sees the whole.

Gradients are added up after the last part of a step, not by torch's DistributedDataParallel while it is worked out: so
a step may go down in several parts and frozen weights may thaw, without a word to it.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pixelwise.errors import UserError
from pixelwise.models import PAINTERS
from pixelwise.processes import count, shared_total, total
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
        exact = seen.float()
        seen_here = exact.new_tensor([seen.numel() / seen.shape[1]])
        whole = shared_total(torch.cat([exact.sum((0, 2, 3)), seen_here]))
        sums, pixels = whole[:-1], whole[-1:]
        mean = sums / pixels
        centered = exact - mean[:, None, None]
        variance = shared_total((centered**2).sum((0, 2, 3))) / pixels
        self._remember(mean.detach(), (variance * pixels / (pixels - 1).clamp(min=1)).detach())
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return torch.addcmul(self.bias[:, None, None], centered, scale[:, None, None]).to(seen.dtype)

    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.running_mean.lerp_(mean, self.momentum or 0.0)
        self.running_var.lerp_(variance, self.momentum or 0.0)
        self.num_batches_tracked += 1
