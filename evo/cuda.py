"""CUDA by way of numba-cuda: kernels of the scalar functions that cores run too, on memory that torch holds.

A function that numba compiles for cores (`njit`) is compiled for the card when a kernel calls it: it is written once. Products
and sums are not fused (numba-cuda has no option for it, so the one of its compiler is set while a kernel of ours is compiled),
and IEEE 754 says what they round to: so a card gives the bits of cores, except where a function of the C library is called,
which libdevice computes in another way. One lane has one output, and lanes share nothing: no company of a lane changes a bit.

Under numba's simulator (NUMBA_ENABLE_CUDASIM=1, with NUMBA_DISABLE_JIT=1) the card is the host, and its memory is the host's.
"""

from __future__ import annotations

import importlib.util
import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import cached_property
from types import ModuleType

import numba
import numpy as np
import torch
from torch import Tensor

THREADS = 128  # of a block
ASKED = 1 << 26  # bytes; for fewer no driver is asked what is free, since that takes longer than many a launch


def simulated() -> bool:
    """Whether numba's simulator stands for the card."""
    return bool(numba.config.ENABLE_CUDASIM)


def no_card() -> str | None:
    """Why torch runs on no card here; None: it does."""
    with warnings.catch_warnings(record=True) as told:  # of a driver that is too old for it
        warnings.simplefilter("always")
        if torch.cuda.is_available():
            return None
    why = "it is built without CUDA (pytorch.org has builds with it)"
    if torch.version.cuda is not None:
        why = "no NVIDIA driver answers with a card (nvidia-smi would show one)"
        if told:
            why = f"{str(told[0].message).partition('. ')[0]}; update the driver, or install a torch built for it (pytorch.org)"
    return f"torch {torch.__version__} finds no CUDA device: {why}"


def unavailable() -> str | None:
    """Why kernels of ours do not run on a card here, and what to install; None: they do."""
    if simulated():
        return None
    if (why := no_card()) is not None:
        return why
    if importlib.util.find_spec("numba_cuda") is None:
        extra = f"cuda{str(torch.version.cuda).partition('.')[0]}"
        return f'numba-cuda is not installed, which compiles our kernels: pip install "neuroevo[{extra}]"'
    from numba import cuda

    return unfit(cuda)


def unfit(cuda: ModuleType) -> str | None:
    """Why numba-cuda, whose module it is, cannot use the driver here, and what to do; None: it can."""
    if not cuda.is_available():
        why = " ".join(str(cuda.cuda_error()).split())
        return f"numba-cuda finds no driver that it can use: {why or 'it does not say why'}; install NVIDIA's driver anew"
    driver, compiler = cuda.cudadrv.driver.get_version(), cuda.runtime.get_version()
    if driver[0] < compiler[0]:
        versions = f"numba-cuda compiles for CUDA {compiler[0]}, the driver here takes CUDA {'.'.join(map(str, driver))}"
        return f'{versions}: update the driver, or pip install "neuroevo[cuda{driver[0]}]"'
    return None


def device() -> torch.device:
    """Where the arrays of kernels lie: torch's current card; the host under the simulator. Raises RuntimeError, saying what is
    missing, if kernels do not run here."""
    if (why := unavailable()) is not None:
        raise RuntimeError(why)
    return torch.device("cpu") if simulated() else torch.device("cuda", torch.cuda.current_device())


def free() -> float:
    """Bytes on the card that may be taken; no bound under the simulator."""
    if simulated():
        return math.inf
    there, _ = torch.cuda.mem_get_info()
    return there + torch.cuda.memory_reserved() - torch.cuda.memory_allocated()  # what torch keeps for further use, too


@contextmanager
def room(needed: int, what: str, mend: str) -> Iterator[None]:
    """Inside, `what` is put on the card, which takes so many bytes. Raises RuntimeError with what there is, and `mend`, if they
    are more than are free, or if an allocation fails."""
    there = free() if needed >= ASKED else math.inf
    try:
        if needed > there:
            raise torch.OutOfMemoryError
        yield
    except torch.OutOfMemoryError as error:
        bytes_free = f"of which {_gigabytes(min(there, free()))} are free"
        raise RuntimeError(f"{what}: need {_gigabytes(needed)} on the card, {bytes_free}; {mend}, or use the CPU") from error


def _gigabytes(count: float) -> str:
    return f"{count / 1e9:,.3g} GB"


def nbytes(shape: Iterable[int], itemsize: int) -> int:
    """What an array of that shape takes on the card: an empty one has room for a number, since kernels take no null pointer."""
    return itemsize * math.prod(max(1, size) for size in shape)


def placed(array: np.ndarray) -> Tensor:
    """An array on the card, as of `nbytes`."""
    some = array if array.size else np.zeros([max(1, size) for size in array.shape], array.dtype)
    return torch.from_numpy(some if some.flags.writeable else some.copy()).to(device())  # torch warns of read-only ones


def put(array: np.ndarray) -> object:
    """An array on the card, as kernels take it."""
    return view(placed(array))


def view(tensor: Tensor) -> object:
    """A tensor on `device()` as kernels take it, without a copy; it keeps the tensor alive."""
    if simulated():
        return tensor.detach().numpy()
    from numba import cuda

    return cuda.as_cuda_array(tensor.detach())


class Kernel:
    """A function of `numba.cuda.grid(1)`, its lane, as a kernel; compiled at the first launch with arguments of their types.

    It has to leave the rest of the last block idle, and all of it if there is no lane: such a launch compiles it. cached: what
    is compiled is kept on the disk beside the function's file, whose text must tell of every function that it reaches.
    """

    def __init__(self, function: Callable[..., None], cached: bool = False):
        self.function, self.cached, self.__doc__ = function, cached, function.__doc__

    @cached_property
    def _dispatcher(self) -> Mapping[tuple[object, ...], Callable[..., None]]:
        from numba import cuda

        # An optimising linker would fuse products and sums again.
        options = {} if simulated() else {"lto": False, "cache": self.cached}
        return cuda.jit(**options)(self.function)

    def launch(self, lanes: int, *arguments: object) -> None:
        """Runs that many lanes, after what torch's current stream has been given."""
        grid: tuple[object, ...] = (max(1, -(-lanes // THREADS)), THREADS)
        if not simulated():
            from numba import cuda

            grid += (cuda.external_stream(torch.cuda.current_stream().cuda_stream),)
        with nullcontext() if simulated() else unfused():
            self._dispatcher[grid](*arguments)


@contextmanager
def unfused() -> Iterator[None]:
    """Inside, what numba compiles for CUDA keeps products and sums apart; no other thread compiles meanwhile."""
    from numba.core.compiler_lock import global_compiler_lock
    from numba.cuda.cudadrv import nvvm

    with global_compiler_lock:
        plain = nvvm.compile_ir
        nvvm.compile_ir = lambda code, **options: plain(code, fma=False, **options)
        try:
            yield
        finally:
            nvvm.compile_ir = plain
