"""The report of a study: one folder with everything a reader needs.

    README.md                     a screen: question, answer, one table, one figure, command, cost
    details.md                    all else in words: controls, discriminators, cost, configuration
    table.csv                     every statistic
    forest.png                    differences with their intervals and verdicts, of leading measures
    words.md                      the author's words, the one file people write; README.md quotes it

That, and what `gan_sep.reporting.committed` says, is kept of a study without its runs. A full
report, made from the runs' files or from what was kept, has besides

    index.html, excerpts/         the page: look at it and, of runs, listen to it in a browser
    table.md, table.json          every statistic to read, and with every seed
    rows.csv                      every track's values, those of mixture and oracles once
    comparison.png, curves.png    levels and tracks' differences; training; forest.png of all
    discriminators-seed0-gan.png, scores-seed0-gan.png, ...

The same runs give the same bytes.
"""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from gan_sep.evaluation import metrics
from gan_sep.locks import alone_in
from gan_sep.reporting.committed import Kept, read_study, store
from gan_sep.reporting.comparison_figure import comparison_figure
from gan_sep.reporting.cost import cost_section, cost_sentence
from gan_sep.reporting.curves import curves_figure
from gan_sep.reporting.diagnosis_figures import draw_histograms, draw_history
from gan_sep.reporting.effects import COLUMNS, as_csv, as_json, by_statistic
from gan_sep.reporting.forest_figure import forest_figure
from gan_sep.reporting.formats import csv_text, fenced, plain_text, without_tags
from gan_sep.reporting.page.write import write_page
from gan_sep.reporting.provenance import configuration_section, data_section, provenance_section
from gan_sep.reporting.published import comparable, published_table, read_published
from gan_sep.reporting.remarks import reading
from gan_sep.reporting.study import HEADLINES, Study
from gan_sep.reporting.style import arm_name, write_png
from gan_sep.reporting.systems import systems_table
from gan_sep.reporting.tables import beyond_sdr, bullets, controls_section, markdown
from gan_sep.runs import ROWS, reading_file, write_text
from gan_sep.statistics.pairing import COLUMNS as ROW_COLUMNS
from gan_sep.statistics.pairing import REFERENCE_SYSTEMS

# Beside SDR, what the figure of a kept study shows; that of a full report shows every measure.
_KEPT = ("artefacts", "interference_share", "mr_stft", "onset_f1")

NO_WORDS = "Nothing yet: what is written to words.md in this folder appears here."


def write_full(
    study: Study, out_folder: Path, words: Path | None = None, audio: bool = False
) -> None:
    """The full report's files.

    words: a file that replaces words.md in out_folder, which otherwise stays as it is. audio: the
    page can be listened to; without it what may not be passed on is left out. Raises
    FileNotFoundError where `words` is not there.
    """
    with alone_in(out_folder):
        if words is not None:
            with reading_file(words, "text in UTF-8"):
                write_text(out_folder / "words.md", words.read_text("utf-8"))
        _write_small(study, out_folder, full=True)
        write_text(out_folder / ROWS, csv_text(references_once(study.rows)))
        columns = bullets(f"`{name}`: {meaning}" for name, meaning in COLUMNS.items())
        explained = f"**Columns of table.csv, and of the records in table.json**\n\n{columns}\n"
        write_text(out_folder / "table.md", f"{markdown(study.against_plain)}\n{explained}")
        write_text(out_folder / "table.json", as_json(study.effects))
        write_png(out_folder / "comparison.png", comparison_figure(study.against_plain))
        if study.has_records:
            write_png(out_folder / "curves.png", curves_figure(study.frame, study.terms))
        _draw_diagnoses(study, out_folder)
        write_page(study, out_folder, audio)


def write_committed(study: Study, folder: Path) -> None:
    """What is kept of a study without its runs; rows as `gan_sep.reporting.committed` says.

    Every number is that of the rows as they are kept, so that it can be made again from them.
    """
    with alone_in(folder):
        kept = Kept(study.runs, references_once(study.rows), study.controls, study.question)
        store(kept, folder)
        _write_small(replace(study, rows=read_study(folder).rows), folder, full=False)


def _write_small(study: Study, folder: Path, full: bool) -> None:
    write_text(folder / "table.csv", as_csv(study.effects))
    others = metrics.beyond_sdr() if full else _KEPT
    shown = study.chosen((*HEADLINES, *others))
    write_png(folder / "forest.png", forest_figure(shown), colours=None if full else "house")
    write_text(folder / "README.md", _readme(study, folder, full))
    write_text(folder / "details.md", _details(study, full))


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


def _readme(study: Study, folder: Path, full: bool) -> str:
    lead = next(by_statistic(study.chosen(HEADLINES)), study.chosen(()))
    summary = systems_table(lead, study.costs)
    all_else = "discriminators, cost, data, commands, machine and configuration in"
    files = (
        "every statistic in [table.md](table.md), [table.csv](table.csv) and "
        "[table.json](table.json), every track in [rows.csv](rows.csv); to look and listen: "
        "[index.html](index.html)"
    )
    again = "Every table, every figure and the page again, from what is kept here:\n\n" + fenced(
        f"python experiments/compare.py {folder} --out OUT"
    )
    parts = [
        f"# {without_tags(study.name)}",
        plain_text(study.question or ""),
        f"## Answer\n\n{authors_words(folder / 'words.md').strip()}",
        f"## Result\n\n{study.lengths or ''}".strip(),
        (summary or markdown(lead)).strip(),
        "![Differences from the plain arm with their 95 % intervals](forest.png)",
        cost_sentence(study.costs),
        f"All statistics are in [table.csv](table.csv); {all_else} [details.md](details.md).",
        f"Besides: {files}." if full else again,
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _details(study: Study, full: bool) -> str:
    shown = study.chosen(HEADLINES)
    pictures = "![Levels of all arms, and differences by track](comparison.png)\n\n"
    how = f"How to read it:\n\n{bullets(reading(study.against_plain))}"
    sections = {
        "Result": f"{pictures if full else ''}{markdown(shown)}\n{how}",
        "What SDR does not measure": beyond_sdr(study.chosen(metrics.beyond_sdr())),
        "Against controls": controls_section(study.against_controls),
    }
    if study.runs:  # else nothing is kept of them but their rows
        sections |= {
            "Next to published results": _published(study),
            "Training": "![Training curves of all arms](curves.png)" if full else "",
            "Discriminators": _discriminators(study, full),
            "Cost": cost_section(study.costs, study.runs),
            "Data": data_section(study.runs, len(set(study.rows["track"]))),
            "How it was made": provenance_section(study.runs),
            "Configuration": configuration_section(study.runs),
        }
    filled = [f"## {head}\n\n{body.strip()}" for head, body in sections.items() if body.strip()]
    return "\n\n".join([f"# Details of {without_tags(study.name)}", *filled]) + "\n"


def authors_words(path: Path) -> str:
    """What a file of the author's says, or that it is not there. Raises ValueError on no UTF-8."""
    if not path.is_file():
        return NO_WORDS
    with reading_file(path, "text in UTF-8"):
        return path.read_text("utf-8")


def _published(study: Study) -> str:
    data = study.runs[0].config["data"]
    alike = [published for published in read_published() if comparable(published, data)]
    tables = (published_table(each, study.against_plain) for each in alike)
    return "\n".join(filter(None, tables))


def _discriminators(study: Study, full: bool) -> str:
    """The verdict of each run with its sentences and figures; from the second run on folded."""
    parts = []
    for place, run in enumerate(study.adversarial_runs):
        verdict, name = run.verdict, run.folder.name
        parts.append(f"{arm_name(run.arm)}, seed {run.seed}: {verdict.sentence}\n")
        if (run.seed, run.arm) in study.unaffected:
            parts.append(f"{study.unaffected[run.seed, run.arm]}\n")
        if verdict.sources:
            pictures = (
                f"\n\n![Scores over time, {name}](discriminators-{name}.png)\n\n"
                f"![Last scores, {name}](scores-{name}.png)"
            )
            parts.append(
                f"<details{'' if place else ' open'}><summary>By source</summary>\n\n"
                f"{bullets(f'{source}: {one.sentence}' for source, one in verdict.sources.items())}"
                f"{pictures if full else ''}\n\n</details>\n"
            )
    return "\n".join(parts)
