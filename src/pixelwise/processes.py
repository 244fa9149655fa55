"""Several processes that train together, one per device, as torchrun starts them; alone, everything here does nothing.

What all must agree on travels as plain numbers and text, nothing pickled.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
from torch import Tensor
from torch import distributed as dist

from pixelwise.errors import UserError

PATIENCE = timedelta(hours=2)  # one process may read data or score a model while the others wait for it


def count() -> int:
    """Processes that train together.

    >>> count(), rank()
    (1, 0)
    """
    return dist.get_world_size() if _together() else 1


def rank() -> int:
    """Of this process, from 0; process 0 writes and speaks for all."""
    return dist.get_rank() if _together() else 0


def restarts() -> int:
    """How often torchrun has started this run anew."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))


def own_device(device: torch.device) -> torch.device:
    """The GPU of this process where all were given "cuda"; any other device as it is."""
    if count() == 1 or device.type != "cuda":
        return device
    own = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    torch.cuda.set_device(own)
    return own


@contextmanager
def joined(device: torch.device) -> Iterator[None]:
    """Within, the processes that torchrun started work together; by NCCL on GPUs, by gloo on processors."""
    if "TORCHELASTIC_RUN_ID" not in os.environ or int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    try:
        store, own, together = next(dist.rendezvous("env://", timeout=PATIENCE))  # type: ignore[attr-defined]
        if os.environ.get("LOCAL_WORLD_SIZE") == os.environ["WORLD_SIZE"]:
            # torchrun starts processes anew over the same store, and the addresses of the dead are still in it
            store = dist.PrefixStore(f"start_{restarts()}", store)  # type: ignore[attr-defined]
        backend = "nccl" if device.type == "cuda" else "gloo"
        dist.init_process_group(backend, store=store, rank=own, world_size=together, timeout=PATIENCE)
    except (RuntimeError, ValueError) as error:
        raise UserError(f"the processes cannot reach each other ({error}); start them with torchrun") from error
    try:
        yield
        dist.barrier()  # those that are done early stay until the last is
    finally:
        dist.destroy_process_group()


def total(tensor: Tensor) -> Tensor:
    """The sum of a tensor over all processes, the same bits in each."""
    if _together():
        tensor = _travelling(tensor).clone()
        dist.all_reduce(tensor)
    return tensor


def agreed(number: float) -> float:
    """The number that process 0 has."""
    return _number_of(0, number)


def _number_of(process: int, number: float) -> float:
    if not _together():
        return number
    told = _travelling(torch.tensor(number, dtype=torch.float64))
    dist.broadcast(told, process)
    return float(told)


def agreed_text(text: str) -> str:
    """The text that process 0 has."""
    return _text_of(0, text)


def texts_of_all(text: str) -> list[str]:
    """The texts that the processes have, in their order.

    >>> texts_of_all("alone")
    ['alone']
    """
    return [_text_of(process, text) for process in range(count())]


def _text_of(process: int, text: str) -> str:
    if not _together():
        return text
    written = text.encode()
    size = int(_number_of(process, float(len(written))))
    told = _travelling(torch.frombuffer(bytearray(written.ljust(size)[:size]), dtype=torch.uint8))
    dist.broadcast(told, process)
    return told.cpu().numpy().tobytes().decode()


def agreed_tensors(tensors: dict[str, Tensor], told: dict[str, str]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and the text that process 0 has; what the others give is left aside."""
    if not _together():
        return tensors, told
    shapes = {name: [str(tensor.dtype).removeprefix("torch."), *tensor.shape] for name, tensor in tensors.items()}
    shapes, told = json.loads(agreed_text(json.dumps([shapes, told])))
    found = {}
    for name, (kind, *shape) in shapes.items():
        sent = tensors[name] if rank() == 0 else torch.empty(shape, dtype=getattr(torch, kind))
        sent = _travelling(sent).contiguous()
        dist.broadcast(sent, 0)
        found[name] = sent.cpu()
    return found, told


@contextmanager
def first_alone() -> Iterator[None]:
    """Process 0 does it before the others, which then find what it left on disk."""
    if _together() and rank() > 0:
        dist.barrier()
    try:
        yield
    finally:
        if _together() and rank() == 0:
            dist.barrier()


def own_share(items: int) -> range:
    """The places of ``items`` that are this process's, next to each other; every place is one process's.

    >>> own_share(5)
    range(0, 5)
    """
    return range(items * rank() // count(), items * (rank() + 1) // count())


def own_slice(items: int) -> slice:
    """The same as a slice.

    >>> own_slice(5)
    slice(0, 5, None)
    """
    places = own_share(items)
    return slice(places.start, places.stop)


def _together() -> bool:
    return dist.is_available() and dist.is_initialized()


def _travelling(tensor: Tensor) -> Tensor:
    """The tensor where the processes can exchange it: NCCL knows GPUs alone."""
    return tensor.cuda() if dist.get_backend() == "nccl" else tensor.cpu()
