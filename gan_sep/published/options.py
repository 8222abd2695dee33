"""The options of the package demucs's networks in the words of our configurations, and back.

Source: demucs 4.1.0, the signatures of its classes, and of those of its versions 1 and 2.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, NamedTuple

from gan_sep.audio import AudioFormat
from gan_sep.generators import demucs, hdemucs, htdemucs
from gan_sep.generators.base import GeneratorConfig
from gan_sep.generators.layers.hybrid import HybridConfig

_SOURCES = ("drums", "bass", "other", "vocals")  # of version 1, whose files only count them
_BRANCHES = ("none", "encoder", "decoder", "both")  # by dconv_mode


class Network(NamedTuple):
    """What a file says of its network: its options, and the signals it works on."""

    generator: GeneratorConfig
    audio: AudioFormat
    segment_seconds: float  # of the pieces in which it separates


@dataclass(frozen=True)
class _Class:
    """A class of the package.

    order: its first options, which a file may hold without their names.
    defaults: options whose default differs from our field's.
    fields: option -> field of our Config; fixed: option -> the only value that we have; an option
    of neither kind changes nothing in a trained network.
    """

    config: type
    order: tuple[str, ...]
    defaults: Mapping[str, Any]
    fields: Mapping[str, str]
    fixed: Mapping[str, Any]


_COMMON = {
    name: name for name in ("channels", "growth", "depth", "stride", "rescale")
} | {"kernel_size": "kernel"}  # fmt: skip
_HYBRID = _COMMON | {
    "nfft": "n_fft",
    "freq_emb": "frequency_embedding",
    "norm_starts": "norm_starts",
    "norm_groups": "norm_groups",
    "dconv_mode": "branches",
    "dconv_depth": "branch_depth",
    "dconv_comp": "compression",
    "dconv_init": "layer_scale",
}
_HYBRID_FIXED = {
    "channels_time": None,
    "cac": True,
    "rewrite": True,
    "multi_freqs": None,
    "context": 1,
    "context_enc": 0,
    "emb_scale": 10,
}
_ORDER = ("sources", "audio_channels", "channels")

_TIME = _Class(
    demucs.Config,
    _ORDER,
    {"resample": True, "normalize": False},
    _COMMON | {n: n for n in ("context", "rewrite", "glu", "lstm_layers", "resample", "normalize")},
    {"upsample": False},
)
CLASSES: Mapping[str, _Class] = MappingProxyType(
    {
        "demucs.hdemucs.HDemucs": _Class(
            hdemucs.Config,
            _ORDER,
            {"dconv_init": 1e-4, "segment": 40},
            _HYBRID
            | {
                "time_stride": "time_stride",
                "dconv_lstm": "lstm_starts",
                "dconv_attn": "attention_starts",
            },
            _HYBRID_FIXED | {"hybrid": True, "hybrid_old": False},
        ),
        "demucs.htdemucs.HTDemucs": _Class(
            htdemucs.Config,
            _ORDER,
            {"dconv_mode": 1, "bottom_channels": 0, "segment": 10},
            _HYBRID
            | {
                "bottom_channels": "bottom_channels",
                "t_layers": "transformer_layers",
                "t_heads": "heads",
                "t_hidden_scale": "hidden_scale",
                "t_dropout": "dropout",
            },
            _HYBRID_FIXED
            | {
                "t_emb": "sin",
                "t_norm_in": True,
                "t_norm_in_group": False,
                "t_group_norm": False,
                "t_norm_first": True,
                "t_norm_out": True,
                "t_max_period": 10_000,
                "t_layer_scale": True,
                "t_gelu": True,
                "t_weight_pos_embed": 1,
                "t_sin_random_shift": 0,
                "t_cross_first": False,
                "t_sparse_self_attn": False,
                "t_sparse_cross_attn": False,
            },
        ),
        "demucs.model.Demucs": _TIME,  # versions 1 and 2
    }
)


def network_of(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Network:
    """The network that a class of the package makes of its arguments.

    Raises ValueError where the class is unknown, or an option has a value that we do not have.
    """
    known = CLASSES.get(name)
    if known is None:
        raise ValueError(f"expected a network of {', '.join(CLASSES)}, found {name}")
    options = {**known.defaults, **dict(zip(known.order, args, strict=False)), **kwargs}
    for option, value in known.fixed.items():
        if options.get(option, value) != value:
            raise ValueError(f"expected {option}={value!r} of a {name}, found {options[option]!r}")
    audio = _audio(options)
    segment = _seconds(options, audio)
    values = {
        field: _ours(field, options[option], known.config)
        for option, field in known.fields.items()
        if option in options
    }
    if known.config is htdemucs.Config:
        values["segment_seconds"] = segment if options.get("use_train_segment", True) else None
    return Network(known.config(**values), audio, segment)


def class_of(generator: Any, audio: AudioFormat) -> tuple[str, dict[str, Any]] | None:
    """The class of the package, and its options, that make a generator; None where none does.

    That of versions 1 and 2 is none: the package of today does not have it. Nor is that of sparse
    attention, which the package has without the kernel that it wants.
    """
    if isinstance(generator, htdemucs.Config) and generator.attention == "sparse":
        return None
    for name, known in CLASSES.items():
        if type(generator) is known.config and isinstance(generator, HybridConfig):
            options = {o: _theirs(getattr(generator, f)) for o, f in known.fields.items()}
            options |= {
                "sources": list(audio.sources),
                "audio_channels": audio.channels,
                "samplerate": audio.sample_rate,
            }
            if isinstance(generator, htdemucs.Config):
                seconds = generator.segment_seconds
                options["use_train_segment"] = seconds is not None
                options |= {} if seconds is None else {"segment": seconds}
            return name, options
    return None


def _audio(options: Mapping[str, Any]) -> AudioFormat:
    sources = options.get("sources", len(_SOURCES))
    if isinstance(sources, int):
        sources = _SOURCES if sources == len(_SOURCES) else [f"source{k}" for k in range(sources)]
    return AudioFormat(
        options.get("samplerate", 44_100), options.get("audio_channels", 2), tuple(sources)
    )


def _seconds(options: Mapping[str, Any], audio: AudioFormat) -> float:
    """Of the pieces in which the package separates; versions 1 and 2 count samples, or nothing."""
    if "segment_length" in options:
        return float(options["segment_length"] / audio.sample_rate)
    return float(options.get("segment", 10))


def _ours(field: str, value: Any, config: type) -> Any:
    """An option's value as the type of our field. Raises ValueError where it is not one."""
    if field == "branches":
        if value not in range(len(_BRANCHES)):
            raise ValueError(f"expected dconv_mode 0 to 3, found {value!r}")
        return _BRANCHES[value]
    if field == "rescale":
        return value or None
    kind: type = next(type(each.default) for each in fields(config) if each.name == field)
    if isinstance(value, bool) != (kind is bool) or not isinstance(value, (bool, int, float)):
        raise ValueError(f"expected a number or truth value of {field}, found {value!r}")
    if kind is int and value != int(value):
        raise ValueError(f"expected a whole number of {field}, found {value!r}")
    return kind(value)


def _theirs(value: Any) -> Any:
    if isinstance(value, str):
        return _BRANCHES.index(value)
    return 0 if value is None else value
