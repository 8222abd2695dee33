import subprocess
import sys
from collections.abc import Iterator

import pytest
import torch
from accelerate import Accelerator

from gan_sep.training import threads
from gan_sep.training.threads import use_threads


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_a_fixed_number_of_threads_is_used() -> None:
    use_threads(1, Accelerator(cpu=True))
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize(("cores", "processes", "expected"), [(8, 1, 8), (8, 2, 4), (1, 2, 1)])
def test_by_default_the_cores_are_shared_among_this_machines_processes(
    monkeypatch: pytest.MonkeyPatch, cores: int, processes: int, expected: int
) -> None:
    monkeypatch.setattr(threads, "_cores", lambda: cores)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(processes))
    torch.set_num_threads(1)
    use_threads(None, Accelerator(cpu=True))
    assert torch.get_num_threads() == expected


def test_a_number_the_user_gave_the_launcher_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_cores", lambda: 8)
    torch.set_num_threads(3)
    use_threads(None, Accelerator(cpu=True))
    assert torch.get_num_threads() == 3


FRESH_PAGES = """
import resource
import torch
from accelerate import Accelerator
from gan_sep.training.threads import use_threads

def cleared():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        torch.ones(2**24)  # 64 MiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

first = cleared()
use_threads(1, Accelerator(cpu=True))
# The least of several: the heap grows to its place, and pages that lie idle may be taken.
print(first, min(cleared() for _ in range(10)))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the options are of GNU's C library")
def test_freed_memory_is_used_again() -> None:
    ended = subprocess.run([sys.executable, "-c", FRESH_PAGES], capture_output=True, text=True)
    first, then = map(int, ended.stdout.split())
    assert then < 0.01 * first
