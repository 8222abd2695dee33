"""Writes the page of a study from its template."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from gan_sep.reporting import formats
from gan_sep.reporting.comparison_figure import ROWS as TRACK_ROWS
from gan_sep.reporting.effects import by_arm, by_statistic, compared, names
from gan_sep.reporting.page.excerpts import PageExcerpt, shared_excerpts, write_page_excerpts
from gan_sep.reporting.page.forest import interval_axis, track_axis, track_dots
from gan_sep.reporting.page.spectrograms import LOWEST_HZ, RANGE_DB
from gan_sep.reporting.remarks import beside_control, reading, reading_of_control, remarks
from gan_sep.reporting.study import HEADLINES, Study
from gan_sep.reporting.style import arm_colours, arm_name
from gan_sep.reporting.systems import COST_HEAD, systems
from gan_sep.reporting.tables import decided, in_text
from gan_sep.runs import write_text
from gan_sep.statistics.compare import ALL, ONE_SEED
from gan_sep.statistics.pairing import BASELINE

TEMPLATES = Path(__file__).with_name("templates")
SCRIPTS = ("deck.js", "player.js", "session.js", "listening.js", "page.js")

_OPENINGS = {
    "better": f"Better than {arm_name(BASELINE)}",
    "worse": f"Worse than {arm_name(BASELINE)}",
    "undecided": f"No difference from {arm_name(BASELINE)} can be seen",
    "no interval": "Too few tracks to tell",
    ONE_SEED: "One seed, hence no verdict",
}
"""Verdict -> how a sentence about the arms of this verdict begins."""

_NO_BREAK = "\N{NO-BREAK SPACE}"

UNRESTRICTED = ("synthetic",)
"""Data sets that nobody's copyright keeps from being passed on."""


def write_page(study: Study, folder: Path, audio: bool = False) -> None:
    """folder/index.html, and folder/excerpts where the arms of the lowest seed kept any.

    The report's figures are expected in the folder. audio: with the sounds of the excerpts; without
    it they are left out, unless the data set is free to be passed on.
    Raises ValueError as `shared_excerpts` does.
    """
    seed = int(study.rows["seed"].min())
    of_seed = [run for run in study.runs if run.seed == seed]
    shared, lacking = shared_excerpts(of_seed)
    config = study.runs[0].config if study.runs else {}
    audio = audio or config.get("data", {}).get("name") in UNRESTRICTED
    excerpts = write_page_excerpts(shared, folder, audio)
    lead = next(by_statistic(study.chosen(HEADLINES)))
    headlines = _told(study.chosen(HEADLINES))
    page = (
        _environment()
        .get_template("page.html")
        .render(
            study=study,
            name=study.name,
            question=study.question,
            config=config,
            environments=[run.environment for run in study.runs],
            run_folders=list(dict.fromkeys(f"runs/{run.config['name']}" for run in study.runs)),
            headlines=headlines,
            others=_told(study.chosen(s for s in study.statistics if s not in HEADLINES)),
            by_track=_told(study.chosen(s for _, s in TRACK_ROWS))[:1],
            colours=arm_colours(names(lead["arm"])),
            systems=list(systems(lead, study.costs)),
            controls=_controls(study.against_controls),
            verdict_sentences=verdict_sentences(lead),
            remarks=[*remarks(lead), *reading(study.against_plain)],
            excerpts=excerpts,
            audio=audio,
            on_disk=any(run.folder.is_dir() for run in of_seed),
            seed=seed,
            lacking=lacking,
            data=_data(study.name, seed, excerpts),
            style=_asset("style.css"),
            script=Markup("\n").join(_asset(script) for script in SCRIPTS),
        )
    )
    write_text(folder / "index.html", page)


def verdict_sentences(lines: pd.DataFrame) -> list[str]:
    """What a statistic's lines say of all arms, by verdict; of a single arm by source too."""
    told = compared(lines)
    arms: dict[str, list[str]] = {}
    for line in told[told["source"] == ALL].to_dict("records"):
        arms.setdefault(line["verdict"], []).append(f"{arm_name(line['arm'])} {_moved(line)}")
    said = [
        f"{opening}: {'; '.join(arms[verdict])}."
        for verdict, opening in _OPENINGS.items()
        if verdict in arms
    ]
    clear = told[(told["source"] != ALL) & told["verdict"].map(decided)]
    if told["arm"].nunique() == 1 and len(clear):
        said.append(f"By source: {', '.join(clear['source'] + ' ' + clear['verdict'])}.")
    return said


def _moved(line: Mapping[Any, Any]) -> str:
    """The difference of All with its unit and interval, in one piece."""
    digits, unit = line["digits"], f" {line['unit']}" if line["unit"] else ""
    ends = formats.interval(line["low"], line["high"], digits)
    return f"{formats.signed(line['difference'], digits)}{unit} {ends}".replace(" ", _NO_BREAK)


def _told(lines: pd.DataFrame) -> list[dict[str, Any]]:
    """What the page shows of each statistic: its lines, levels as text, effects by source."""
    return [
        {
            **{name: of[name].iloc[0] for name in ("title", "scale", "average", "seeds", "tracks")},
            "lines": compared(of),
            "levels": {arm: list(own["level"]) for arm, own in by_arm(in_text(of)).items()},
            "counted": list(of[of["arm"] == BASELINE]["counted"]),
            "effects": _records(compared(of), "source"),
        }
        for of in by_statistic(lines)
    ]


def _controls(lines: pd.DataFrame) -> list[dict[str, Any]]:
    """Of each control its name, what is to be read of it, and All of every statistic."""
    return [
        {
            "name": name,
            "reading": reading_of_control(own),
            "statistics": _records(beside_control(own), "statistic"),
        }
        for name, own in lines.groupby("baseline", sort=False)
    ]


def _records(lines: pd.DataFrame, by: str) -> dict[str, list[dict[Any, Any]]]:
    return {str(name): own.to_dict("records") for name, own in lines.groupby(by, sort=False)}


def _data(name: str, seed: int, excerpts: Sequence[PageExcerpt]) -> dict[str, Any]:
    """What the page's script reads. id: ratings of other excerpts do not belong to this page."""
    listed = [excerpt.as_data(seed) for excerpt in excerpts]
    content = json.dumps([listed, [excerpt.start_seconds for excerpt in excerpts]])
    return {
        "study": name,
        "id": hashlib.sha256(content.encode()).hexdigest()[:12],
        "excerpts": listed,
    }


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    for function in (
        arm_name,
        formats.interval,
        formats.level,
        formats.probability,
        formats.signed,
    ):
        environment.filters[function.__name__] = function
    environment.globals |= {
        "baseline": BASELINE,
        "cost_head": COST_HEAD,
        "count": formats.count,
        "enumerated": formats.enumerated,
        "interval_axis": interval_axis,
        "lowest_hz": LOWEST_HZ,
        "range_db": RANGE_DB,
        "track_axis": track_axis,
        "track_dots": track_dots,
    }
    return environment


def _asset(name: str) -> Markup:
    """A style sheet or script of our own, to stand in the page as it is."""
    return Markup((TEMPLATES / name).read_text("utf-8"))
