"""Writes the page of a study from its template."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from gan_sep.reporting import formats
from gan_sep.reporting.comparison_figure import ROWS as TRACK_ROWS
from gan_sep.reporting.page.excerpts import PageExcerpt, shared_excerpts, write_page_excerpts
from gan_sep.reporting.page.forest import interval_axis, track_axis, track_dots
from gan_sep.reporting.page.spectrograms import LOWEST_HZ, RANGE_DB
from gan_sep.reporting.remarks import arms_beside, reading, reading_of_control, remarks
from gan_sep.reporting.study import HEADLINES, Study
from gan_sep.reporting.style import arm_colours, arm_name
from gan_sep.reporting.systems import COST_HEAD, systems
from gan_sep.reporting.tables import decided
from gan_sep.runs import write_text
from gan_sep.statistics.compare import ALL, ONE_SEED, Comparison
from gan_sep.statistics.pairing import BASELINE

TEMPLATES = Path(__file__).with_name("templates")
SCRIPTS = ("deck.js", "player.js", "session.js", "listening.js", "page.js")

_SEVERAL = {
    "better": f"Better than {arm_name(BASELINE)}",
    "worse": f"Worse than {arm_name(BASELINE)}",
    "undecided": "Undecided",
    "no interval": "Too few tracks to tell",
    ONE_SEED: "One seed, hence no verdict",
}
"""Verdict -> how a sentence about all arms of this verdict begins."""

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
            headlines=study.chosen(HEADLINES),
            others=study.chosen(s for s in study.comparisons if s not in HEADLINES),
            by_track=study.chosen(s for _, s in TRACK_ROWS)[:1],
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


def verdict_sentences(comparison: Comparison) -> list[str]:
    """What the statistic says of one arm, in a sentence or two; of several, by verdict."""
    if len(comparison.effects) == 1:
        return [_verdict_sentence(comparison, arm) for arm in comparison.effects]
    arms: dict[str, list[str]] = {}
    for arm, effect in comparison.effects.items():
        arms.setdefault(effect.verdicts[-1], []).append(
            f"{arm_name(arm)} {_moved(comparison, arm)}"
        )
    return [
        f"{opening}: {'; '.join(arms[verdict])}."
        for verdict, opening in _SEVERAL.items()
        if verdict in arms
    ]


def _verdict_sentence(comparison: Comparison, arm: str) -> str:
    effect = comparison.effects[arm]
    verdicts = dict(zip(comparison.columns, effect.verdicts, strict=True))
    opening = {
        "better": f"{arm_name(arm)} is better than {arm_name(BASELINE)}",
        "worse": f"{arm_name(arm)} is worse than {arm_name(BASELINE)}",
        "undecided": f"No difference between {arm_name(arm)} and {arm_name(BASELINE)} can be seen",
        "no interval": f"Too few tracks to tell {arm_name(arm)} from {arm_name(BASELINE)}",
        ONE_SEED: f"One seed of {arm_name(arm)}, hence no verdict against {arm_name(BASELINE)}",
    }[verdicts.pop(ALL)]
    clear = [f"{source} {word}" for source, word in verdicts.items() if decided(word)]
    by_source = f" By source: {', '.join(clear)}." if clear else ""
    return f"{opening}: {_moved(comparison, arm)}.{by_source}"


def _moved(comparison: Comparison, arm: str) -> str:
    """The difference of All with its unit and interval, in one piece."""
    effect, digits = comparison.effects[arm], formats.decimals(comparison)
    unit = f" {comparison.statistic.unit}" if comparison.statistic.unit else ""
    ends = formats.interval(effect.low[-1], effect.high[-1], digits)
    return f"{formats.signed(effect.difference[-1], digits)}{unit} {ends}".replace(" ", _NO_BREAK)


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
        formats.scale,
        formats.signed,
    ):
        environment.filters[function.__name__] = function
    environment.globals |= {
        "baseline": BASELINE,
        "arm_colours": arm_colours,
        "arms_beside": arms_beside,
        "cost_head": COST_HEAD,
        "count": formats.count,
        "decimals": formats.decimals,
        "enumerated": formats.enumerated,
        "interval_axis": interval_axis,
        "lowest_hz": LOWEST_HZ,
        "range_db": RANGE_DB,
        "reading": reading,
        "reading_of_control": reading_of_control,
        "remarks_of": remarks,
        "systems": systems,
        "track_axis": track_axis,
        "track_dots": track_dots,
        "verdict_sentences": verdict_sentences,
    }
    return environment


def _asset(name: str) -> Markup:
    """A style sheet or script of our own, to stand in the page as it is."""
    return Markup((TEMPLATES / name).read_text("utf-8"))
