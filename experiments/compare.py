"""Compare the arms of finished runs with the plain one, and write the report.

    python experiments/compare.py runs/NAME
    python experiments/compare.py runs/NAME --out runs/NAME/report
    python experiments/compare.py runs/NAME --keep reports/NAME
    python experiments/compare.py runs/FIRST runs/SECOND --metric usdr
    python experiments/compare.py reports/STUDY --out OUT
    python experiments/compare.py reports/STUDY --correlations OUT --beside correlations.csv

Prints a table for each arm: mixture, plain, the arm, their difference with its 95 % interval and a
verdict. With --out it also writes the full report with page, tables, figures and all rows; with
--keep what is kept of a study without its runs: a screen, details, a table, a figure, rows. Runs of
several folders belong to one study, as seeds or as arms. What words.md in the report's folder says
is quoted in it and kept. A kept study is read like runs, and has every table, figure and the page
again, without sounds.

With --correlations it writes how the metrics of all arms move together, metrics.csv and
metrics.png, with --beside columns of other tables by metric: what experiments/listening.py says of
listeners, or published figures.
"""

from contextlib import nullcontext
from pathlib import Path

from gan_sep.evaluation.metrics import statistics
from gan_sep.listening.metrics import write_correlations
from gan_sep.locks import alone_in
from gan_sep.programs import clear_errors, program
from gan_sep.reporting.committed import is_committed
from gan_sep.reporting.report import write_committed, write_full
from gan_sep.reporting.study import HEADLINES, Study


def main() -> None:
    parser = program(__doc__)
    parser.add_argument("runs", nargs="+", type=Path, help="runs/NAME, or one kept study")
    parser.add_argument("--out", "--page", type=Path, help="folder of the full report")
    parser.add_argument("--keep", type=Path, help="folder of what is kept without the runs")
    parser.add_argument("--correlations", type=Path, help="folder of how metrics move together")
    parser.add_argument("--beside", nargs="+", type=Path, default=(), metavar="CSV")
    parser.add_argument(
        "--audio",
        action="store_true",
        help="the report's page can be listened to: not for music that may not be passed on",
    )
    parser.add_argument(
        "--controls",
        nargs="+",
        default=(),
        help="arms with which the report compares the others besides the plain one",
        metavar="ARM",
    )
    parser.add_argument("--question", help="opens the report (default: the configuration's)")
    parser.add_argument(
        "--metric",
        nargs="+",
        choices=statistics(),
        default=HEADLINES,
        help=f"tables to print: {', '.join(statistics())} (default: {', '.join(HEADLINES)})",
        metavar="NAME",
    )
    arguments = parser.parse_args()
    out, keep = arguments.out, arguments.keep
    with clear_errors(arguments.traceback), alone_in(out) if out else nullcontext():
        study = Study.of(arguments.runs, arguments.controls, arguments.question)
        print(study.in_short(arguments.metric))
        if out:
            words = arguments.runs[0] / "words.md"
            kept = is_committed(arguments.runs[0]) and words.is_file()
            write_full(study, out, words if kept else None, arguments.audio)
            print(f"\nReport: {out / 'README.md'}\nPage: {out / 'index.html'}")
        if arguments.correlations:
            write_correlations(study.rows, arguments.beside, arguments.correlations)
            print(f"\nCorrelations: {arguments.correlations / 'metrics.png'}")
        if keep:
            write_committed(study, keep)
            print(f"\nKept: {keep / 'README.md'}")


if __name__ == "__main__":
    main()
