"""Run a study: all its arms and seeds, trained, evaluated, compared and reported.

    accelerate launch experiments/study.py --config configs/studies/demo.yaml
    accelerate launch experiments/study.py --config FILE data.root=FOLDER budget.minutes=60
    accelerate launch experiments/study.py --config FILE --dry-run
    accelerate launch experiments/study.py --config configs/studies/overfitting

The same command goes on after Ctrl-C, a kill, or the end of its budget: what is finished is not
done again, and only=[gan] leaves the other arms to other calls beside it. Keys of the study (seeds,
arms, budget, report, ...) can follow as key.path=value; any other key changes the experiment of all
arms. --dry-run prints what is to do and how long it takes. A folder instead of a file runs all
studies in it and writes reports/FOLDER, which sums them up.
"""

from pathlib import Path

from gan_sep.programs import clear_errors, program
from gan_sep.studies.forecast import plans
from gan_sep.studies.run import run_studies
from gan_sep.studies.settings import load_studies
from gan_sep.training.processes import accelerator_for


def main() -> None:
    parser = program(__doc__)
    parser.add_argument(
        "--config", type=Path, required=True, help="YAML file of a study, or a folder of them"
    )
    parser.add_argument("--dry-run", action="store_true", help="print the plan, write nothing")
    parser.add_argument("changes", nargs="*", metavar="key.path=value")
    arguments = parser.parse_args()
    with clear_errors(arguments.traceback):
        studies = load_studies(arguments.config, arguments.changes)
        accelerator = accelerator_for(studies[0][1][0].config)
        if arguments.dry_run:
            message = plans(studies)
        else:
            overview = Path("reports", arguments.config.resolve().name)
            message = run_studies(studies, accelerator, overview)
        accelerator.print(message)
        accelerator.end_training()


if __name__ == "__main__":
    main()
