"""Bags of a study: arms that are trained for one source each, evaluated and kept as one model.

A bag is an arm beside the others, in a folder of its own like a run's: its bag.yaml names the runs,
and its configuration is that of the plain arm with the arms of the bag under `bag`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import yaml
from accelerate import Accelerator

from gan_sep.config.loader import to_dict
from gan_sep.published.bags import BAG, read_ensemble
from gan_sep.runs import RunFolder, json_text, write_text
from gan_sep.statistics.pairing import BASELINE
from gan_sep.training.lifecycle import Member, evaluate_network, evaluations

# The arm of each source.
Arms = Mapping[str, str]


def bag_folders(bags: Mapping[str, Arms], members: Sequence[Member]) -> dict[RunFolder, Member]:
    """Where the bags of every seed are kept -> the plain run beside them."""
    plain = [member for member in members if member.arm == BASELINE]
    return {RunFolder.of(each.config, name): each for name in bags for each in plain}


def finish_bags(
    bags: Mapping[str, Arms], members: Sequence[Member], accelerator: Accelerator
) -> None:
    """Write and evaluate the bags of every seed, whose runs are done.

    Tracks that were evaluated with these very weights are not evaluated again.
    """
    for folder, plain in bag_folders(bags, members).items():
        arms = bags[folder.arm]
        with folder.owned():
            if accelerator.is_main_process:
                _write(folder, plain, arms)
            accelerator.wait_for_everyone()
            network = read_ensemble(folder.folder / BAG, trust_module=True).network
            for split, settings in evaluations(plain.config.evaluation).items():
                config = replace(plain.config, evaluation=settings)
                place = folder.evaluation(split)
                evaluate_network(network, config, folder, split, place, accelerator)
            accelerator.wait_for_everyone()


def _write(folder: RunFolder, plain: Member, arms: Arms) -> None:
    """bag.yaml, and what a comparison reads of every arm."""
    sources = plain.config.audio.sources
    named = list(dict.fromkeys(arms[source] for source in sources))
    runs = [RunFolder.of(plain.config, arm) for arm in named]
    rows = [[float(arms[source] == arm) for source in sources] for arm in named]
    lines = [
        f"models: {json.dumps([f'../{run.folder.name}' for run in runs])}",
        f"weights: {json.dumps(rows)}  # of each model, for {', '.join(sources)}",
    ]
    write_text(folder.folder / BAG, "\n".join(lines) + "\n")
    config = to_dict(plain.config) | {"bag": dict(arms)}
    write_text(folder.config_file, yaml.safe_dump(config, sort_keys=False))
    size = sum(int(run.environment["parameters"]) for run in runs)
    write_text(folder.environment_file, json_text(runs[0].environment | {"parameters": size}))
