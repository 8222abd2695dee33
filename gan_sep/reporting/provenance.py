"""Where a report's numbers come from: commands, commit, versions, machine, configuration."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from gan_sep.config.loader import ConfigError, load, to_dict
from gan_sep.config.run import RunConfig
from gan_sep.reporting.effects import names
from gan_sep.reporting.formats import count, enumerated, fenced, without_tags
from gan_sep.reporting.runs import ArmRun
from gan_sep.reporting.style import arm_name
from gan_sep.statistics.pairing import BASELINE


def data_section(runs: Sequence[ArmRun], tested: int) -> str:
    """Markdown: the data set as the configuration names it, the audio format, the tested tracks."""
    config = runs[0].config
    audio = config["audio"]
    lines = [
        f"- data set: {_inline(config['data'])}",
        f"- audio: {audio['sample_rate']} Hz, {'mono' if audio['channels'] == 1 else 'stereo'}; "
        f"sources {without_tags(', '.join(audio['sources']))}",
        f"- tracks: {_inline(runs[0].environment['tracks'])}",
        f"- tested on {count(tested, 'track')} that training and choice of weights never saw",
    ]
    learners = _unpaired(runs).items()
    lines[1:1] = [f"- unpaired material of {arms}: {material}" for material, arms in learners]
    return "\n".join(lines) + "\n"


def provenance_section(runs: Sequence[ArmRun]) -> str:
    """Markdown: how to make the same again, and on what it was made."""
    environments = [run.environment for run in runs]
    commands = "\n".join(names(environment["command"] for environment in environments))
    commits = names(str(environment["commit"]) for environment in environments)
    seeds = sorted({run.seed for run in runs})
    lines = [
        f"{fenced(commands)}\n",
        f"- commit: {without_tags(', '.join(commits))}"
        + (" (the arms differ)" if len(commits) > 1 else ""),
        f"- seeds: {enumerated(seeds)}",
    ]
    for name in ("versions", "machine"):
        described = names(_inline(environment[name]) for environment in environments)
        lines += [f"- {name}: {each}" for each in described]
    return "\n".join(lines) + "\n"


def configuration_section(runs: Sequence[ArmRun]) -> str:
    """Markdown: the configuration of the first arm beside the plain one; where the others differ.

    runs: of one seed at least the plain arm and one other.
    """
    shown = next(run for run in runs if run.arm != BASELINE)
    others = [run for run in runs if run.seed == shown.seed and run is not shown]
    differences = "\n".join(
        f"- The {arm_name(run.arm)} arm differs in: "
        f"{_inline(dict(_differing(_resolved(shown), _resolved(run))))}."
        for run in others
    )
    return (
        f"{differences}\n\n"
        f"<details><summary>Configuration of the {arm_name(shown.arm)} arm, seed {shown.seed}"
        f"</summary>\n\n{fenced(yaml.safe_dump(shown.config, sort_keys=False), 'yaml')}\n\n"
        "</details>\n"
    )


def _unpaired(runs: Sequence[ArmRun]) -> dict[str, str]:
    """Unpaired material in words -> the arms whose discriminators learn from it."""
    learners: dict[str, dict[str, None]] = {}
    for run in runs:
        unpaired = run.config.get("unpaired")
        if run.config.get("discriminator") and unpaired and unpaired.get("batch_size", 1):
            learners.setdefault(_material(run.config["unpaired"]), {})[arm_name(run.arm)] = None
    return {material: ", ".join(arms) for material, arms in learners.items()}


def _material(unpaired: Mapping[str, Any]) -> str:
    """Its settings; where they name neither folder nor tracks set aside, what that means."""
    folders = unpaired.get("mixtures") and unpaired.get("stems")
    if folders or unpaired.get("set_aside"):
        return _inline(unpaired)
    return f"the training tracks that are not paired in the same step ({_inline(unpaired)})"


def _resolved(run: ArmRun) -> dict[str, Any]:
    """The configuration with what its version could not say yet, which had its default's effect.

    As it was written where the present version cannot read it.
    """
    try:
        resolved: dict[str, Any] = to_dict(load(RunConfig, run.config_file))
    except ConfigError:
        return run.config
    return resolved


def _differing(
    shown: Mapping[str, Any], other: Mapping[str, Any], above: str = ""
) -> Iterator[tuple[str, Any]]:
    """The keys a.b.c whose values differ, and the other's value, None where it has none.

    Of another component, which has other keys, the section is one value.
    """
    for key in dict.fromkeys([*shown, *other]):
        ours, theirs = shown.get(key), other.get(key)
        if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
            if ours.get("name") == theirs.get("name"):
                yield from _differing(ours, theirs, f"{above}{key}.")
            else:
                yield f"{above}{key}", f"({_inline(theirs)})"
        elif ours != theirs:
            yield f"{above}{key}", theirs


def _inline(values: Mapping[str, Any]) -> str:
    """{"name": "demucs", "channels": 64} -> name demucs, channels 64."""
    words = (f"{key} {'null' if value is None else value}" for key, value in values.items())
    return without_tags(", ".join(words))
