"""What this machine is and how to get the most out of it: device, bf16, memory."""

import ctypes
import os
import platform
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version

import torch

from pixelwise.errors import UserError

# glibc's mallopt parameters (malloc.h): the size from which memory comes from, and goes back to, the system.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


def pick_device(name: str = "auto") -> torch.device:
    """ "auto" is the GPU where there is one, else the processor; anything else is torch's name for a device.

    Raises UserError for a device that is not here.

    >>> pick_device("cpu")
    device(type='cpu')
    """
    try:
        device = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"there is no device '{name}' here; use --device cpu or leave it out") from error
    return device


def has_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bf16 in hardware: GPUs from Ampere on, x86 with AVX-512-bf16 or AMX."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and bool(_cpu_capabilities().get("avx512_bf16", False))


def _cpu_capabilities() -> Mapping[str, bool | int | str]:
    """What torch says of the processor; nothing where torch is too old to tell."""
    found: Mapping[str, bool | int | str] = getattr(torch.cpu, "get_capabilities", dict)()
    return found


def precision_of(device: torch.device, asked: str = "auto") -> str:
    """bf16, fp16 or fp32; "auto" is bf16 where the device multiplies it in hardware, else fp32.

    >>> precision_of(torch.device("cpu"), "fp32")
    'fp32'
    """
    return ("bf16" if has_bf16(device) else "fp32") if asked == "auto" else asked


@contextmanager
def mixed_precision(device: torch.device, asked: str = "auto") -> Iterator[None]:
    """Multiplies in the precision of `precision_of`; what needs more is done in float32."""
    precision = precision_of(device, asked)
    low = torch.float16 if precision == "fp16" else torch.bfloat16
    with torch.autocast(device.type, low, enabled=precision != "fp32"):
        yield


def reuse_memory() -> None:
    """Tells the C library to keep freed memory for the next tensor of that size.

    By default glibc gives every large block back to the system and gets it anew, zeroed page by page,
    thousands of times per training step.
    """
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(M_MMAP_THRESHOLD, 1 << 30)
        libc.mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1)


def give_back_memory() -> None:
    """Tells the C library to give freed memory back to the system, which it else keeps for each thread."""
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)


def deterministic() -> None:
    """Makes torch choose kernels that give the same bits again and again; on a processor they do so anyway."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.backends.cudnn.benchmark = False
    torch.use_deterministic_algorithms(True)


def describe(device: torch.device) -> dict[str, str]:
    """Versions and hardware, for environment.json."""
    processor = platform.processor() or platform.machine()
    if device.type == "cuda":
        processor = torch.cuda.get_device_name(device)
    elif sys.platform == "linux":
        processor = _linux_processor() or processor
    return {
        "pixelwise": version("pixelwise"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "system": platform.system(),
        "device": device.type,
        "processor": processor,
        "cores": str(os.cpu_count()),
        "threads": str(torch.get_num_threads()),
        "precision": "bf16 mixed" if has_bf16(device) else "float32",
    }


def _linux_processor() -> str | None:
    with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123
        return next((line.split(":")[1].strip() for line in file if line.startswith("model name")), None)
