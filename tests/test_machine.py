"""What the machine is said to be, and what is made of it."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from pixelwise import machine
from pixelwise.errors import UserError
from pixelwise.machine import describe, has_bf16, mixed_precision, pick_device, reuse_memory

CPU = torch.device("cpu")


def processor_with(monkeypatch: pytest.MonkeyPatch, **capabilities: bool) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)


@pytest.mark.parametrize("there", [True, False])
def test_auto_is_the_gpu_where_there_is_one(there: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    monkeypatch.setattr(torch, "empty", lambda *_, device: torch.zeros(0))
    assert pick_device().type == ("cuda" if there else "cpu")


@pytest.mark.parametrize("name", ["cuda:99", "toaster", "", "cpu:x"])
def test_a_device_that_is_not_here_is_one_clear_error(name: str) -> None:
    with pytest.raises(UserError, match=f"there is no device '{name}' here; use --device cpu"):
        pick_device(name)


def test_bf16_is_used_where_the_processor_multiplies_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for there, precision in ((True, torch.bfloat16), (False, torch.float32)):
        processor_with(monkeypatch, avx512_bf16=there)
        assert has_bf16(CPU) is there
        with mixed_precision(CPU):
            assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == precision
    processor_with(monkeypatch, neon=True)
    assert not has_bf16(CPU)


def test_a_torch_that_cannot_tell_the_processor_means_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert not has_bf16(CPU)


def test_a_gpu_is_asked_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: not including_emulation)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "H200")
    assert has_bf16(torch.device("cuda"))
    assert describe(torch.device("cuda"))["processor"] == "H200"


def test_other_devices_compute_in_float32() -> None:
    assert not has_bf16(torch.device("meta"))


def test_the_machine_is_described_in_words() -> None:
    found = describe(CPU)
    assert found["python"] == platform.python_version()
    assert found["torch"] == torch.__version__
    assert found["device"] == "cpu"
    assert int(found["cores"]) >= 1
    assert all(found.values())


def test_elsewhere_than_on_linux_the_processor_is_what_python_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.sys, "platform", "darwin")
    monkeypatch.setattr(platform, "processor", lambda: "arm")
    assert describe(CPU)["processor"] == "arm"
    reuse_memory()  # does nothing there


def test_a_linux_that_does_not_name_its_processor_gives_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_linux_processor", lambda: None)
    monkeypatch.setattr(platform, "processor", lambda: "")
    assert describe(CPU)["processor"] == platform.machine()


def test_where_the_c_library_cannot_be_told_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.ctypes, "CDLL", lambda _: object())
    reuse_memory()


def test_the_c_library_is_told_both_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {}

    class Library:
        def __init__(self, _: None) -> None:
            self.mallopt = told.__setitem__

    monkeypatch.setattr(machine.sys, "platform", "linux")
    monkeypatch.setattr(machine.ctypes, "CDLL", Library)
    reuse_memory()
    assert told == {-3: 2**30, -1: 2**31 - 1}


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc can be told")
def test_freed_memory_is_kept_for_the_next_tensor_once_asked_for() -> None:
    script = """
import resource, torch
from pixelwise.machine import reuse_memory
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(15): torch.ones(16 << 20)  # 64 MiB: glibc would always ask the system for them
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults(); print(faults())
reuse_memory()
faults(); print(faults())
"""
    anew, kept = map(int, subprocess.check_output([sys.executable, "-c", script]).split())
    assert kept < anew / 10


def test_the_processor_of_a_linux_is_read_from_the_kernel() -> None:
    if not Path("/proc/cpuinfo").exists():
        pytest.skip("no Linux")
    name = machine._linux_processor()
    assert name is None or name in Path("/proc/cpuinfo").read_text()
