"""What is computed on the device of its input, on the CPU and on a device that is not the CPU.

    python tests/on_another_device.py

prints, as JSON, what went wrong by name, and "" where nothing did. A process of its own, because
torch does not forget a device.
"""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import another_device
import torch
from bsseval_cases import SAMPLE_RATE, hard_pair, pair
from scoring import scored
from torch import Tensor, nn

from gan_sep.audio import AudioFormat
from gan_sep.config.loader import Component
from gan_sep.evaluation.metrics import METRICS, bss_eval, bss_eval_v3, sdr
from gan_sep.evaluation.references import ORACLES, oracle_estimates

AUDIO = AudioFormat(16000, 2, ("voice", "music"))

FORGETFUL = "a tensor left on the CPU"

# A function and the CPU's tensors and networks that it takes; it answers with tensors.
Case = tuple[Callable[..., Any], tuple[Tensor | nn.Module, ...]]


def evaluation_cases() -> dict[str, Case]:
    """Every metric and oracle."""
    easy = tuple(each.float() for each in pair(2, 2, 3 * SAMPLE_RATE))
    references, estimates = pair(2, 2, 2 * AUDIO.sample_rate)
    references[0, :, : AUDIO.sample_rate] = 0
    cases: dict[str, Case] = {
        "bss_eval": (partial(bss_eval, sample_rate=SAMPLE_RATE), easy),
        "bss_eval_v3": (bss_eval_v3, easy),
        "sdr by frame": (partial(sdr, sample_rate=SAMPLE_RATE), easy),
    }
    for hard in ("sixteen bits of a band", "nearly equal"):
        score = partial(bss_eval, sample_rate=SAMPLE_RATE)
        cases[f"bss_eval, {hard}"] = (score, hard_pair(hard, 2, 2))
    for name, metric in METRICS.items():
        if metric.installed and "museval" not in name:  # that runs on the CPU only
            cases[name] = (
                lambda *signals, _score=metric.function: _score(*signals, AUDIO.sample_rate),
                (references, estimates),
            )
    for name in ORACLES:
        cases[name] = (partial(oracle_estimates, oracle=name), (references,))
    return cases


def component_cases() -> dict[str, Case]:
    """Every generator, discriminator and reconstruction loss."""
    torch.manual_seed(0)
    sources, estimates = torch.randn(2, 2, 2, 2, 3000)  # (B, S, C, T)
    cases: dict[str, Case] = {}
    # Open-Unmix transforms by torch.stft, which turns a tensor in place: this device's tensors do
    # not follow.
    for name in sorted(set(Component("generators").names()) - {"open_unmix"}):
        cases[name] = (nn.Module.__call__, (tiny("generators", name).build(AUDIO), sources.sum(1)))
    for name in Component("discriminators").names():
        cases[name] = (said, (tiny("discriminators", name).build(AUDIO), sources))
    for name in Component("losses").names():
        cases[f"loss {name}"] = (tiny("losses", name).build(), (estimates, sources))
    return cases


def tiny(folder: str, name: str) -> Any:
    config_class: Any = Component(folder).config_class(name)
    return config_class.tiny()


def said(discriminator: nn.Module, sources: Tensor) -> list[Tensor]:
    output = scored(discriminator, sources)
    return [output.logits, *output.features]


def outcome(function: Callable[..., Any], inputs: tuple[Tensor | nn.Module, ...]) -> str:
    """What the function says on the CPU and not on the other device, "" for nothing."""
    expected = function(*inputs)
    try:
        with another_device.AnotherDevice():
            found = function(*map(sent, inputs))
            torch.testing.assert_close(received(found), received(expected), equal_nan=True)
    except (RuntimeError, TypeError, AssertionError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def sent(what: Tensor | nn.Module) -> Tensor | nn.Module:
    """A copy on the other device."""
    return what.to(another_device.DEVICE)


def received(found: Any) -> list[Tensor]:
    """The tensors on the CPU; a result that is there already has left its device."""
    tensors = list(found.values()) if isinstance(found, Mapping) else found
    tensors = tensors if isinstance(tensors, list) else [tensors]
    return [tensor.detach().cpu() for tensor in tensors]


def forgetful(signal: Tensor) -> Tensor:
    """What must go wrong."""
    return signal * torch.ones(3)


def main() -> None:
    cases = evaluation_cases() | component_cases() | {FORGETFUL: (forgetful, (torch.ones(3),))}
    another_device.register()
    print(json.dumps({name: outcome(*case) for name, case in cases.items()}))


if __name__ == "__main__":
    main()
