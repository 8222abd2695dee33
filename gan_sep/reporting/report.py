"""The report of a study: one folder with everything a reader needs, made from the runs' files.

    index.html, excerpts/         the page: look at it and listen to it in a browser
    README.md                     question, tables, figures, discriminators, cost, provenance
    table.md, .csv, .json         every statistic
    rows.csv                      every track's values, those of mixture and oracles once
    comparison.png, forest.png    levels and tracks' differences; intervals and verdicts
    curves.png                    training
    discriminators-seed0-gan.png, scores-seed0-gan.png, ...
    words.md                      the author's words, the one file people write; README.md quotes it

The same runs give the same bytes.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from gan_sep.evaluation import metrics
from gan_sep.locks import alone_in
from gan_sep.reporting.comparison_figure import comparison_figure
from gan_sep.reporting.controls import controls_section
from gan_sep.reporting.cost import cost_section
from gan_sep.reporting.curves import curves_figure
from gan_sep.reporting.diagnosis_figures import draw_histograms, draw_history
from gan_sep.reporting.forest_figure import forest_figure
from gan_sep.reporting.formats import csv_text, plain_text
from gan_sep.reporting.page.write import write_page
from gan_sep.reporting.provenance import configuration_section, data_section, provenance_section
from gan_sep.reporting.published import comparable, published_table, read_published
from gan_sep.reporting.remarks import reading
from gan_sep.reporting.study import HEADLINES, Study
from gan_sep.reporting.style import arm_name, write_png
from gan_sep.reporting.systems import systems_table
from gan_sep.reporting.table_records import COLUMNS, as_csv, as_json
from gan_sep.reporting.tables import beyond_sdr, bullets, markdown
from gan_sep.runs import reading_file, write_text
from gan_sep.statistics.compare import Comparison
from gan_sep.statistics.pairing import COLUMNS as ROW_COLUMNS
from gan_sep.statistics.pairing import REFERENCE_SYSTEMS

NO_WORDS = "Nothing yet: what is written to words.md in this folder appears here."


def write_report(
    run_folders: Path | Sequence[Path],
    out_folder: Path,
    question: str | None = None,
    words: Path | None = None,
    audio: bool = False,
    controls: Sequence[str] = (),
) -> str:
    """Compares the arms below runs/NAME, writes the report and returns it in short.

    run_folders: one folder runs/NAME, or several, which count as several seeds. question: by
    default that of the configuration. words: a file that replaces words.md in out_folder, which
    otherwise stays as it is. controls: arms with which the others are compared besides the plain
    one. Raises FileNotFoundError where a run lacks a file or `words` is not there, ValueError where
    the arms do not pair up or a control is none of them.
    """
    study = Study.of([run_folders] if isinstance(run_folders, Path) else run_folders, controls)
    write_study(study, out_folder, question, words, audio)
    return f"{study.in_short()}\n\nReport: {out_folder / 'README.md'}"


def write_study(
    study: Study,
    out_folder: Path,
    question: str | None = None,
    words: Path | None = None,
    audio: bool = False,
) -> None:
    """The report's files; arguments and errors as of `write_report`.

    audio: the page can be listened to; without it what may not be passed on is left out.
    """
    with alone_in(out_folder):
        if words is not None:
            with reading_file(words, "text in UTF-8"):
                write_text(out_folder / "words.md", words.read_text("utf-8"))
        write_tables(study, out_folder)
        write_png(out_folder / "curves.png", curves_figure(study.runs))
        _draw_diagnoses(study, out_folder)
        write_text(out_folder / "README.md", _readme(study, out_folder, question))
        write_page(study, out_folder, question, audio)


def write_tables(study: Study, out_folder: Path) -> None:
    """Every table, and the figures of them."""
    comparisons = list(study.comparisons.values())
    rows = references_once(study.rows)
    write_text(out_folder / "rows.csv", csv_text(rows))
    write_text(out_folder / "table.md", f"{markdown(comparisons)}\n{_columns()}")
    everything = comparisons + [each for against in study.against_controls for each in against]
    write_text(out_folder / "table.csv", as_csv(everything))
    write_text(out_folder / "table.json", as_json(everything))
    write_png(out_folder / "comparison.png", comparison_figure(study.comparisons))
    write_png(
        out_folder / "forest.png", forest_figure(study.chosen((*HEADLINES, *metrics.beyond_sdr())))
    )


def _columns() -> str:
    meanings = bullets(f"`{name}`: {meaning}" for name, meaning in COLUMNS.items())
    return f"**Columns of table.csv, and of the records in table.json**\n\n{meanings}\n"


def references_once(rows: pd.DataFrame) -> pd.DataFrame:
    """Mixture and oracles, which all seeds have in common, under the first seed alone."""
    cell = [column for column in ROW_COLUMNS if column not in ("seed", "value")]
    return rows[~(rows["arm"].isin(REFERENCE_SYSTEMS) & rows.duplicated(cell))]


def _draw_diagnoses(study: Study, folder: Path) -> None:
    for run in study.adversarial_runs:
        if history := run.records("diagnosis"):
            with reading_file(run.records_file, "diagnoses"):
                draw_history(history, folder / f"discriminators-{run.folder.name}.png")
                draw_histograms(history[-1], folder / f"scores-{run.folder.name}.png")


def _readme(study: Study, folder: Path, question: str | None) -> str:
    config = study.runs[0].config
    names = dict.fromkeys(str(run.config["name"]) for run in study.runs)
    words = folder / "words.md"
    sections = {
        f"# {' + '.join(names)}": plain_text(question or config.get("question") or ""),
        "## Result": _result(study),
        "## What SDR does not measure": beyond_sdr(study.chosen(metrics.beyond_sdr())),
        "## Against controls": controls_section(study.against_controls),
        "## Next to published results": _published(config["data"], study.comparisons),
        "## In the author's words": authors_words(words),
        "## Training": "![Training curves of all arms](curves.png)",
        "## Discriminators": _discriminators(study),
        "## Cost": cost_section(study.costs, study.runs),
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


def authors_words(path: Path) -> str:
    """What a file of the author's says, or that it is not there. Raises ValueError on no UTF-8."""
    if not path.is_file():
        return NO_WORDS
    with reading_file(path, "text in UTF-8"):
        return path.read_text("utf-8")


def _result(study: Study) -> str:
    headlines = study.chosen(HEADLINES)
    return "\n".join(
        [
            *([f"{study.lengths}\n"] if study.lengths else []),
            systems_table(headlines[0], study.costs),
            "![Levels of all arms, and differences by track](comparison.png)\n",
            "![Differences with their intervals and verdicts](forest.png)\n",
            markdown(headlines),
            f"How to read it:\n\n{bullets(reading(list(study.comparisons.values())))}\n",
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
    """The verdict of each run with its sentences and figures; from the second run on folded."""
    parts = []
    for place, run in enumerate(study.adversarial_runs):
        verdict, name = study.verdicts[run.seed, run.arm], run.folder.name
        parts.append(f"{arm_name(run.arm)}, seed {run.seed}: {verdict.sentence}\n")
        if (run.seed, run.arm) in study.unaffected:
            parts.append(f"{study.unaffected[run.seed, run.arm]}\n")
        if verdict.sources:
            parts.append(
                f"<details{'' if place else ' open'}><summary>By source</summary>\n\n"
                f"{bullets(f'{source}: {one.sentence}' for source, one in verdict.sources.items())}"
                f"\n\n![Scores over time, {name}](discriminators-{name}.png)\n\n"
                f"![Last scores, {name}](scores-{name}.png)\n\n</details>\n"
            )
    return "\n".join(parts)
