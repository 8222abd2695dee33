"""Separate whole tracks with a trained arm and write one row per track, source and metric.

    accelerate launch experiments/evaluate.py runs/demo/seed0-gan
    accelerate launch experiments/evaluate.py runs/demo/seed0-gan --museval evaluation.shifts=10

Reads the run's own configuration and its best weights; keys of the sections `evaluation` and `data`
can be changed. Finished tracks are kept: an interrupted evaluation continues where it stopped.
"""

from dataclasses import replace
from pathlib import Path

from accelerate import Accelerator

from gan_sep.generators.module import require_trust
from gan_sep.programs import add_trust, clear_errors, load_run, program
from gan_sep.training.lifecycle import evaluate_run


def main() -> None:
    parser = program(__doc__)
    parser.add_argument("run", type=Path, help="a run's folder, runs/NAME/seedN-ARM")
    parser.add_argument("--split", choices=("valid", "test"), default="test")
    parser.add_argument("--museval", action="store_true", help="also SDR, ISR, SIR, SAR by museval")
    parser.add_argument(
        "--out", type=Path, help="folder of the rows (default: RUN/evaluation/SPLIT)"
    )
    parser.add_argument("overrides", nargs="*", metavar="key.path=value")
    add_trust(parser)
    arguments = parser.parse_args()
    with clear_errors(arguments.traceback):
        require_changeable(arguments.overrides)
        config, run = load_run(arguments.run, arguments.overrides)
        require_trust(config.generator, arguments.run, arguments.trust_module)
        if arguments.museval:
            asked = (*config.evaluation.metrics, "museval")
            config = replace(config, evaluation=replace(config.evaluation, metrics=asked))
        folder = arguments.out or run.evaluation(arguments.split)
        accelerator = Accelerator()
        evaluate_run(config, run, arguments.split, folder, accelerator)
        accelerator.print(f"Rows: {folder / 'rows.csv'}")
        accelerator.end_training()


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
