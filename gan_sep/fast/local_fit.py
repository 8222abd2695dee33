"""What of an estimate's spectrum can be made from the true sources' spectra, bin by bin.

In sliding windows of half a second, which overlap by half and fade into each other, each bin of the
estimate is fitted by complex least squares to the same bin of all sources in the frame before, the
same frame and the next. The sources can so be louder, filtered and moved a little; what the fit
does not reach is artefact.

The fast version solves normal equations. A window has two hops of frames and one frame, so that its
sums are those over two blocks, of which windows share each, and one frame more.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

WINDOW_SECONDS = 0.5
LAGS = (-1, 0, 1)  # frames

# Added to the diagonal, relative to its mean: frames overlap, and so neighbours are much alike.
_RIDGE = 1e-6

# Windows that are fitted at once: as many as stay in a CPU's cache; accelerators take more.
_AT_ONCE = 3072


def plain_local_fit(sources: Tensor, estimates: Tensor, window: int) -> Tensor:
    """The fitted spectra of all estimates, and of each the part that its own source has in it.

    sources, estimates: complex (S, F, N), same order; window: frames, odd -> (2, S, F, N).
    """
    S, hop, count = len(sources), window // 2, _count(sources, window)
    rest = (count - 1) * hop + window - sources.shape[-1]
    around = F.pad(sources, (1, 1 + rest))  # silence
    lagged = [around[..., 1 - lag : around.shape[-1] - 1 - lag] for lag in LAGS]
    inputs = torch.stack(lagged, 1).flatten(0, 1).permute(1, 2, 0)  # (F, N', S * 3)
    targets = F.pad(estimates, (0, rest)).permute(1, 2, 0)  # (F, N', S)
    fade = 1 - (torch.arange(window, device=sources.device) - hop).abs() / (hop + 1)
    of_own = torch.eye(S, device=sources.device).repeat_interleave(len(LAGS), 0)  # (S * 3, S)
    total = targets.new_zeros(2, *targets.shape)
    weights = fade.new_zeros(targets.shape[1], 1)
    for start in range(0, count * hop, hop):
        now = slice(start, start + window)
        taps = torch.linalg.lstsq(inputs[:, now], targets[:, now]).solution  # (F, S * 3, S)
        fits = inputs[:, now] @ torch.stack([taps, taps * of_own])  # (2, F, window, S)
        total[:, :, now] += fits * fade[:, None]
        weights[now] += fade[:, None]
    return (total / weights)[:, :, : sources.shape[-1]].permute(0, 3, 1, 2)


def plain_fitted(sources: Tensor, estimates: Tensor, window: int) -> Tensor:
    """The fitted spectra alone, which gradients of the estimates pass."""
    return plain_local_fit(sources, estimates, window)[0]


def local_fit(sources: Tensor, estimates: Tensor, window: int) -> Tensor:
    parts = _by_bins(sources, estimates, window)
    found = torch.cat([_Windows(some, window).fit(of, True) for some, of in parts])
    return found.unflatten(-1, (2, -1)).permute(2, 3, 0, 1)  # (F, N, 2 * S) -> (2, S, F, N)


def fitted(sources: Tensor, estimates: Tensor, window: int) -> Tensor:
    parts = _by_bins(sources, estimates, window)
    found = torch.cat([_Fit.apply(of, _Windows(some, window)) for some, of in parts])
    return found.permute(2, 0, 1)


def _by_bins(sources: Tensor, estimates: Tensor, window: int) -> Iterator[tuple[Tensor, Tensor]]:
    windows, at_once = sources.shape[1] * _count(sources, window), _AT_ONCE
    if sources.device.type != "cpu":
        at_once *= 64
    parts = min(-(-windows // at_once), sources.shape[1])
    return zip(sources.tensor_split(parts, 1), estimates.tensor_split(parts, 1), strict=True)


def _count(spectra: Tensor, window: int) -> int:
    """How many windows (S, F, N) takes."""
    return 1 + max(0, -(-(spectra.shape[-1] - window) // (window // 2)))


class _Fit(torch.autograd.Function):
    """Spectra (S, F, N) -> their fits (F, N, S): linear, by sources that have no gradients."""

    @staticmethod
    def forward(ctx: Any, spectra: Tensor, windows: "_Windows") -> Tensor:
        ctx.windows = windows
        return windows.fit(spectra)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return ctx.windows.adjoint(gradient.permute(2, 0, 1)).permute(2, 0, 1), None


class _Windows:
    """The sources of some bins in n windows, to which other spectra are fitted.

    Bins have n + 2 blocks, L frames: window w has blocks w and w + 1, and of w + 2 the first frame.
    """

    def __init__(self, sources: Tensor, window: int) -> None:
        """sources: (S, F, N)."""
        self.hop, self.num_frames = window // 2, sources.shape[-1]
        self.count = _count(sources, window)
        self.length = (self.count + 2) * self.hop
        around = F.pad(sources, (1, 1 + self.length - self.num_frames))
        lagged = [around[..., 1 - lag : 1 - lag + self.length] for lag in LAGS]
        self.inputs = torch.stack(lagged, 1).flatten(0, 1)  # (K, F, L), K = S * 3
        self.solver = _Solver(self._sums(self.inputs[None]))

    def fit(self, spectra: Tensor, with_own: bool = False) -> Tensor:
        """(S, F, N) -> (F, N, S), or (F, N, 2 * S) with the parts of own sources behind."""
        taps = self.solver(self._sums(self._padded(spectra)[None]))  # (K, S, F, n)
        if with_own:
            of_own = torch.eye(len(spectra), device=taps.device).repeat_interleave(len(LAGS), 0)
            taps = torch.cat([taps, taps * of_own[..., None, None]], 1)  # (K, 2 * S, F, n)
        return self._made(taps, self._fades())

    def adjoint(self, gradient: Tensor) -> Tensor:
        """Of `fit`: (S, F, N) -> (F, N, S)."""
        faded = self._padded(gradient) * self._fades()[:, None, None]  # (3, S, F, L)
        return self._made(self.solver(self._sums(faded)))

    def _padded(self, spectra: Tensor) -> Tensor:
        return F.pad(spectra, (0, self.length - self.num_frames))

    def _fades(self) -> Tensor:
        """(3, L): of the windows in which a frame's block is first, second and third."""
        n, steps = self.count, torch.arange(1, self.hop + 1, device=self.inputs.device)
        fades = self.inputs.real.new_zeros(3, n + 2, self.hop)
        fades[0, :n] = steps
        fades[1, 1 : n + 1] = self.hop + 2 - steps
        fades[2, 2:, 0] = 1
        return (fades / fades.sum(0).clamp_min(1)).flatten(1)

    def _blocks(self, spectra: Tensor) -> Tensor:
        """(K, F, L) -> (B, K, hop), B = F * (n + 2)."""
        return spectra.unflatten(-1, (-1, self.hop)).flatten(1, 2).transpose(0, 1)

    def _ends(self, spectra: Tensor) -> Tensor:
        """The last frame of each window: (..., L) -> (..., n)."""
        return spectra[..., 2 * self.hop :: self.hop].contiguous()

    def _sums(self, spectra: Tensor) -> Tensor:
        """Inputs times conjugated spectra, summed over windows: (1 or 3, S, F, L) -> (K, S, F, n).

        Of three, a window takes the first in its first block, the second in its second, and so on.
        """
        blocks = self._blocks(spectra[:2].flatten(0, 1))  # (B, S or 2 * S, hop)
        sums = (self._blocks(self.inputs) @ blocks.mH).flatten(1).mT.contiguous()
        sums = sums.view(len(self.inputs), -1, *spectra.shape[1:3], self.count + 2)
        total = sums[:, 0, ..., :-2] + sums[:, -1, ..., 1:-1]
        ends = self._ends(spectra[-1]).conj().resolve_conj()
        return total.addcmul_(self._ends(self.inputs)[:, None], ends)

    def _made(self, taps: Tensor, fades: Tensor | None = None) -> Tensor:
        """Inputs times the taps of their windows, faded or not: (K, E, F, n) -> (F, N, E)."""
        E = taps.shape[1]
        taps = taps.permute(2, 3, 0, 1).contiguous()  # (F, n, K, E)
        now, before = (F.pad(taps, (0, 0, 0, 0, k, 2 - k)).flatten(0, 1) for k in (0, 1))
        inputs, ends = self._blocks(self.inputs).mT, self._ends(self.inputs)
        if fades is None:
            made = (inputs @ (now + before)).view(len(taps), -1, E)  # (F, L, E)
        else:
            first, second = (torch.view_as_real(inputs @ each) for each in (now, before))
            first, second = (each.view(len(taps), -1, 2 * E) for each in (first, second))
            faded = first.mul_(fades[0, :, None]).addcmul_(second, fades[1, :, None])
            made = torch.view_as_complex(faded.unflatten(-1, (E, 2)))  # (F, L, E)
            ends = ends * self._ends(fades[2])
        made[:, 2 * self.hop :: self.hop] += (ends.permute(1, 2, 0)[:, :, None] @ taps)[:, :, 0]
        return made[:, : self.num_frames]


class _Solver:
    """Solves Hermitian systems of equations, with a ridge, for any right sides.

    Elimination with all systems side by side, several times as fast as a library's loop over them.
    """

    def __init__(self, products: Tensor) -> None:
        """products: (K, K, ...), overwritten."""
        self.system = products
        diagonal = products.diagonal().real  # (..., K), a view
        ridge = _RIDGE * diagonal.mean(-1) + torch.finfo(torch.float32).tiny ** 0.5
        diagonal += ridge[..., None]
        self.scales = torch.empty_like(products[0].real)  # (K, ...)
        for k in range(len(products)):
            # No pivot is smaller than the ridge but by rounding.
            self.scales[k] = 1 / products[k, k].real.maximum(ridge)
            row = products[k, k + 1 :].mul_(self.scales[k])
            products[k + 1 :, k + 1 :].addcmul_(products[k + 1 :, k, None], row[None], value=-1)

    def __call__(self, right: Tensor) -> Tensor:
        """X e* (K, S, ...), overwritten -> the conjugate of the solution, (K, S, ...)."""
        for k, scale in enumerate(self.scales):
            row = right[k].mul_(scale)
            right[k + 1 :].addcmul_(self.system[k + 1 :, k, None], row[None], value=-1)
        for k in reversed(range(1, len(right))):
            right[:k].addcmul_(self.system[:k, k, None], right[k, None], value=-1)
        return right.conj()
