"""The report of a study: one folder with everything a reader needs, made from the runs' files.

    README.md                 question, tables, figures, discriminators, cost, provenance
    table.md, .csv, .json     every statistic
    rows.csv                  every track's values
    comparison.png, curves.png, discriminators-seed0.png, scores-seed0.png, ...
    words.md                  the author's words, the one file people write; README.md quotes it

The same runs give the same bytes.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from gan_sep.evaluation.statistics import Comparison
from gan_sep.reporting.comparison_figure import comparison_figure
from gan_sep.reporting.cost import cost_section
from gan_sep.reporting.curves import curves_figure
from gan_sep.reporting.diagnosis_figures import draw_histograms, draw_history
from gan_sep.reporting.files import write_png, write_text
from gan_sep.reporting.provenance import configuration_section, data_section, provenance_section
from gan_sep.reporting.published import comparable, published_table, read_published
from gan_sep.reporting.study import HEADLINES, Study
from gan_sep.reporting.table_records import as_csv, as_json
from gan_sep.reporting.tables import markdown

NO_WORDS = "Nothing yet: what is written to words.md in this folder appears here."
ON_INTERVALS = (
    "Each interval stands for itself: where nothing differs, one in twenty still misses 0."
)


def write_report(
    run_folders: Path | Sequence[Path],
    out_folder: Path,
    question: str | None = None,
    words: Path | None = None,
) -> str:
    """Compares the arms below runs/NAME, writes the report and returns it in short.

    run_folders: one folder runs/NAME, or several, which count as several seeds. question: by
    default that of the configuration. words: a file that replaces words.md in out_folder, which
    otherwise stays as it is. Raises FileNotFoundError where a run lacks a file or `words` is not
    there, ValueError where the arms do not pair up.
    """
    study = Study.of([run_folders] if isinstance(run_folders, Path) else run_folders)
    write_study(study, out_folder, question, words)
    return f"{study.in_short()}\n\nReport: {out_folder / 'README.md'}"


def write_study(
    study: Study, out_folder: Path, question: str | None = None, words: Path | None = None
) -> None:
    """The report's files; arguments and errors as of `write_report`."""
    if words is not None:
        write_text(out_folder / "words.md", words.read_text("utf-8"))
    comparisons = list(study.comparisons.values())
    write_text(out_folder / "rows.csv", study.rows.to_csv(index=False, lineterminator="\n"))
    write_text(out_folder / "table.md", markdown(comparisons))
    write_text(out_folder / "table.csv", as_csv(comparisons))
    write_text(out_folder / "table.json", as_json(comparisons))
    write_png(out_folder / "comparison.png", comparison_figure(study.comparisons))
    write_png(out_folder / "curves.png", curves_figure(study.runs))
    _draw_diagnoses(study, out_folder)
    write_text(out_folder / "README.md", _readme(study, out_folder, question))


def _draw_diagnoses(study: Study, folder: Path) -> None:
    for run in study.arm("gan"):
        if history := run.records("diagnosis"):
            draw_history(history, folder / f"discriminators-seed{run.seed}.png")
            draw_histograms(history[-1], folder / f"scores-seed{run.seed}.png")


def _readme(study: Study, folder: Path, question: str | None) -> str:
    config = study.runs[0].config
    names = dict.fromkeys(str(run.config["name"]) for run in study.runs)
    words = folder / "words.md"
    sections = {
        f"# {' + '.join(names)}": question or config.get("question") or "",
        "## Result": _result(study.comparisons),
        "## Next to published results": _published(config["data"], study.comparisons),
        "## In the author's words": words.read_text("utf-8") if words.is_file() else NO_WORDS,
        "## Training": "![Training curves of both arms](curves.png)",
        "## Discriminators": _discriminators(study),
        "## Cost": cost_section(study.runs),
        "## Data": data_section(study.runs, len(set(study.rows["track"]))),
        "## How it was made": provenance_section(study.runs),
        "## Configuration": configuration_section(study.runs),
    }
    # The title stays without a question; any other section without content is left out.
    filled = [(head, body.strip()) for head, body in sections.items()]
    return (
        "\n\n".join(
            f"{head}\n\n{body}".strip() for head, body in filled if body or head.startswith("# ")
        )
        + "\n"
    )


def _result(comparisons: Mapping[str, Comparison]) -> str:
    return "\n".join(
        [
            "![Levels of all arms, and differences by track](comparison.png)\n",
            markdown(comparisons[name] for name in HEADLINES if name in comparisons),
            f"{ON_INTERVALS}\n",
            "All statistics: [table.md](table.md), [table.csv](table.csv), "
            "[table.json](table.json); every track: [rows.csv](rows.csv).",
        ]
    )


def _published(data: Mapping[str, object], comparisons: Mapping[str, Comparison]) -> str:
    tables = [
        published_table(published, comparisons)
        for published in read_published()
        if comparable(published, data)
    ]
    return "\n".join(table for table in tables if table)


def _discriminators(study: Study) -> str:
    """The verdict of each seed with its sentences and figures."""
    parts = []
    for run in study.arm("gan"):
        verdict = study.verdicts[run.seed]
        parts.append(f"Seed {run.seed}: {verdict.sentence}\n")
        parts += [f"- {name}: {one.sentence}" for name, one in verdict.sources.items()]
        if verdict.sources:
            parts.append(
                f"\n![Scores over time, seed {run.seed}](discriminators-seed{run.seed}.png)\n\n"
                f"![Last scores, seed {run.seed}](scores-seed{run.seed}.png)\n"
            )
    return "\n".join(parts)
