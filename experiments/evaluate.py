"""Separate whole tracks with a trained arm and write one row per track, source and metric.

    accelerate launch experiments/evaluate.py runs/demo/seed0-gan
    accelerate launch experiments/evaluate.py runs/demo/seed0-gan --museval evaluation.shifts=10
    accelerate launch experiments/evaluate.py runs/mine/seed0-per_source
    accelerate launch experiments/evaluate.py runs/demo/seed0-gan --frechet music_vgg

Reads the run's own configuration and its best weights; keys of the sections `evaluation` and `data`
can be changed. Instead of a run, a bag of runs, a folder with bag.yaml or the file: of the tracks
and settings of its first. Finished tracks are kept: an interrupted evaluation continues where it
stopped. --frechet NETWORK, or NETWORK=FILE with a file of weights, separates the tracks once more
and writes the Fréchet distance of features of all of them, see gan_sep/evaluation/frechet.py.
"""

from dataclasses import replace
from pathlib import Path

from accelerate import Accelerator
from torch import nn

from gan_sep.config.loader import Component, build
from gan_sep.config.run import RunConfig
from gan_sep.evaluation.evaluate import Evaluation
from gan_sep.evaluation.frechet import Distance, frechet_distances, require_enough
from gan_sep.evaluation.rows import write_table
from gan_sep.features.base import FeatureConfig, Features
from gan_sep.generators.module import require_trust
from gan_sep.programs import add_trust, clear_errors, load_run, program
from gan_sep.published.bags import located, members_of, read_ensemble
from gan_sep.runs import RunFolder, is_run_name
from gan_sep.training.lifecycle import best_generator, evaluate_network


def main() -> None:
    parser = program(__doc__)
    parser.add_argument("run", type=Path, help="a run's folder, runs/NAME/seedN-ARM, or a bag")
    parser.add_argument("--split", choices=("valid", "test"), default="test")
    parser.add_argument("--museval", action="store_true", help="also SDR, ISR, SIR, SAR by museval")
    parser.add_argument("--frechet", metavar="NETWORK", help="also frechet.csv, by its features")
    parser.add_argument(
        "--out", type=Path, help="folder of the rows (default: RUN/evaluation/SPLIT)"
    )
    parser.add_argument("overrides", nargs="*", metavar="key.path=value")
    add_trust(parser)
    arguments = parser.parse_intermixed_args()
    with clear_errors(arguments.traceback):
        require_changeable(arguments.overrides)
        path, trust = located(arguments.run), arguments.trust_module
        load = bag_of_runs if path.suffix == ".yaml" else single_run
        network, config, run = load(path, arguments.overrides, trust)
        if arguments.museval:
            asked = (*config.evaluation.metrics, "museval")
            config = replace(config, evaluation=replace(config.evaluation, metrics=asked))
        features = features_of(arguments.frechet) if arguments.frechet else None
        if features:
            tracks = config.data.build(config.audio, arguments.split)
            require_enough(len(tracks))
        folder = arguments.out or run.evaluation(arguments.split)
        accelerator = Accelerator()
        evaluate_network(network, config, run, arguments.split, folder, accelerator)
        accelerator.print(f"Rows: {folder / 'rows.csv'}")
        if features and accelerator.is_main_process:
            evaluation = Evaluation(config.audio, config.evaluation, run.arm, config.seed)
            found = [*frechet_distances(network, tracks, evaluation, features)]
            write_table(folder / "frechet.csv", Distance._fields, found)
            print(f"Fréchet distances: {folder / 'frechet.csv'}")
        accelerator.end_training()


def features_of(text: str) -> Features:
    """The network of NAME or NAME=FILE. Raises ValueError where there is none, or no weights."""
    name, _, weights = text.partition("=")
    known = Component("features")
    if name not in known.names():
        raise ValueError(f"--frechet: expected one of {', '.join(known.names())}, got {name!r}")
    section = {"weights": weights} if weights else {}
    config: FeatureConfig = build(known.config_class(name), section)
    return config.build()


def single_run(
    path: Path, overrides: list[str], trust: bool
) -> tuple[nn.Module, RunConfig, RunFolder]:
    """A run's network, configuration and folder."""
    config, run = load_run(path, overrides)
    require_trust(config.generator, path, trust)
    return best_generator(config, run), config, run


def bag_of_runs(
    path: Path, overrides: list[str], trust: bool
) -> tuple[nn.Module, RunConfig, RunFolder]:
    """The network of a bag.yaml, the configuration of its first run, and the folder of its rows.

    Raises FileNotFoundError where its first model is no run, whose data it could be evaluated on.
    """
    config, _ = load_run(members_of(path)[0], overrides)
    folder = path.parent if is_run_name(path.parent.name) else path.with_suffix("")
    run = RunFolder.at(folder) if is_run_name(folder.name) else RunFolder(folder, 0, folder.name)
    return read_ensemble(path, trust).network, config, run


def require_changeable(overrides: list[str]) -> None:
    """ValueError where a key is fixed by the training that made the weights."""
    fixed = [text for text in overrides if not text.startswith(("evaluation.", "data."))]
    if fixed:
        raise ValueError(
            f"{fixed[0]}: the run was trained with this key as it is; only keys of evaluation and "
            "data can be changed"
        )


if __name__ == "__main__":
    main()
