"""What of an estimate's spectrum can be made from the true sources' spectra, bin by bin.

In sliding windows of half a second, which overlap by half and fade into each other, each bin of the
estimate is fitted by complex least squares to the same bin of all sources in the frame before, the
same frame and the next. The sources can so be louder, filtered and moved a little; what the fit
does not reach is artefact.
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

# Systems of equations that are solved at once: as many as stay in a CPU's cache.
_AT_ONCE = 4096


def plain_local_fit(sources: Tensor, estimates: Tensor, window: int) -> tuple[Tensor, Tensor]:
    """The fitted spectra of all estimates, and of each the part that its own source has in it.

    sources, estimates: complex (S, F, N), same order; window: frames, odd -> two times (S, F, N).
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
    fits, own = (total / weights)[:, :, : sources.shape[-1]].permute(0, 3, 1, 2)
    return fits, own


def plain_fitted(sources: Tensor, estimates: Tensor, window: int) -> Tensor:
    """The fitted spectra alone, which gradients of the estimates pass."""
    return plain_local_fit(sources, estimates, window)[0]


def local_fit(sources: Tensor, estimates: Tensor, window: int) -> tuple[Tensor, Tensor]:
    parts = _by_bins(sources, estimates, window)
    found = torch.cat([_Windows(some, window).fit(of, True) for some, of in parts])
    fits, own = found.permute(2, 0, 1).split(len(sources))  # (F, N, 2 * S) -> (2 * S, F, N)
    return fits, own


def fitted(sources: Tensor, estimates: Tensor, window: int) -> Tensor:
    parts = _by_bins(sources, estimates, window)
    found = torch.cat([_Fit.apply(of, _Windows(some, window)) for some, of in parts])
    return found.permute(2, 0, 1)


def _by_bins(sources: Tensor, estimates: Tensor, window: int) -> Iterator[tuple[Tensor, Tensor]]:
    bins = max(1, _AT_ONCE // _count(sources, window))
    return zip(sources.split(bins, 1), estimates.split(bins, 1), strict=True)


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
    """The sources of some bins in overlapping windows, to which other spectra are fitted.

    In each window the fit is the linear map X (X* X + ridge)^-1 X* of its inputs X, which is its
    own adjoint; of all windows together only the fading changes its place.
    """

    def __init__(self, sources: Tensor, window: int) -> None:
        """sources: (S, F, N)."""
        self.window, self.hop, self.num_frames = window, window // 2, sources.shape[-1]
        self.count = _count(sources, window)
        self.length = (self.count - 1) * self.hop + window
        around = F.pad(sources, (1, 1 + self.length - self.num_frames))
        lagged = [around[..., 1 - lag : 1 - lag + self.length] for lag in LAGS]
        self.inputs = self._cut(torch.stack(lagged, 1).flatten(0, 1))  # (B, K, W), K = S * 3
        self.conjugated = self.inputs.conj().resolve_conj()
        self.products = self.conjugated @ self.inputs.mT  # (B, K, K)
        steps = torch.arange(window, device=sources.device)
        self.fade = 1 - (steps - self.hop).abs() / (self.hop + 1)  # (W,)
        fades = self.fade[:, None].expand(1, self.count, window, 1)
        self.weights = _overlapped(fades, self.hop)

    def fit(self, spectra: Tensor, with_own: bool = False) -> Tensor:
        """(S, F, N) -> (F, N, S), or (F, N, 2 * S) with the parts of own sources behind."""
        taps = self._taps(self._cut(self._padded(spectra)))  # (B, S, K)
        if with_own:
            of_own = torch.eye(len(spectra), device=taps.device).repeat_interleave(len(LAGS), 1)
            taps = torch.cat([taps, taps * of_own], 1)  # (B, 2 * S, K)
        total = self._added((taps @ self.inputs) * self.fade) / self.weights
        return total[:, : self.num_frames]

    def adjoint(self, gradient: Tensor) -> Tensor:
        """Of `fit`: (S, F, N) -> (F, N, S)."""
        weighted = self._padded(gradient) / self.weights[0, :, 0]
        taps = self._taps(self._cut(weighted) * self.fade)
        return self._added(taps @ self.inputs)[:, : self.num_frames]

    def _padded(self, spectra: Tensor) -> Tensor:
        return F.pad(spectra, (0, self.length - self.num_frames))

    def _cut(self, spectra: Tensor) -> Tensor:
        """(K, F, L) -> (B, K, W), B = F * n."""
        windows = spectra.transpose(0, 1).unfold(-1, self.window, self.hop)  # (F, K, n, W)
        return windows.transpose(1, 2).flatten(0, 1).contiguous()

    def _added(self, parts: Tensor) -> Tensor:
        """(B, S, W) -> (F, L, S)."""
        return _overlapped(parts.mT.unflatten(0, (-1, self.count)), self.hop)

    def _taps(self, windows: Tensor) -> Tensor:
        """Coefficients (B, S, K) of the fits to windows (B, S, W)."""
        return _solve(self.products, self.conjugated @ windows.mT)


def _solve(products: Tensor, right: Tensor) -> Tensor:
    """X* X (B, K, K) and X* e (B, K, S) -> the coefficients (B, S, K), with a ridge.

    Elimination with all B side by side, several times as fast as a library's loop over them.
    """
    K = products.shape[1]
    system = torch.cat([each.permute(1, 2, 0) for each in (products, right)], 1)  # (K, K + S, B)
    diagonal = system[:, :K].diagonal().real  # (B, K), a view
    ridge = _RIDGE * diagonal.mean(1) + torch.finfo(torch.float32).tiny ** 0.5  # (B,)
    diagonal += ridge[:, None]
    for k in range(K):
        # No pivot is smaller than the ridge but by rounding.
        system[k, k + 1 :] *= 1 / system[k, k].real.maximum(ridge)
        below = system[k + 1 :, k + 1 :]
        below.addcmul_(system[k + 1 :, k : k + 1], system[k : k + 1, k + 1 :], value=-1)
    taps = system[:, K:]  # (K, S, B)
    for k in range(K - 1, 0, -1):
        taps[:k].addcmul_(system[:k, k : k + 1], taps[k : k + 1], value=-1)
    return taps.permute(2, 1, 0).contiguous()


def _overlapped(windows: Tensor, hop: int) -> Tensor:
    """(F, n, W, E) -> the sums (F, (n - 1) * hop + W, E)."""
    count, W, E = windows.shape[1:]
    total = windows.new_zeros(len(windows), (count - 1) * hop + W, E)
    for start in range(0, W, hop):
        part = windows[:, :, start : start + hop]  # (F, n, hop or the rest, E)
        part = F.pad(part, (0, 0, 0, hop - part.shape[2])).flatten(1, 2)  # (F, n * hop, E)
        stop = min(start + part.shape[1], total.shape[1])
        total[:, start:stop] += part[:, : stop - start]
    return total
