"""Names of songs, sources, studies, listeners that try to be code, markup or a formula."""

import random
from pathlib import Path

import page_study
import pytest
import yaml
from commands import call
from listening_sessions import Said, rows_like, save, session
from page_study import write_report

from gan_sep.audio import AudioFormat
from gan_sep.evaluation.rows import Row, write_table

PARTS = (
    *("<script>ran()</script>", "</script><script>ran()</script>", "<img src=x onerror=ran()>"),
    *(
        '"><svg onload=ran()>',
        "' onmouseover='ran()",
        "javascript:ran()",
        "${ran()}",
        "{{ ran() }}",
    ),
    *(
        "|",
        "`",
        "``",
        " ```\n",
        "\\",
        "\n",
        "\r",
        "\t",
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "'",
        "'=1",
        '"',
        ",",
    ),
    *("[a](javascript:ran())", "![a](x)", "# ", "---", "**", "~~", "&lt;", "<!--", "-->", "]]>"),
    *("\u202egnp", "שלום", "日本", "é", "\u2028", "x" * 300, " ", "%2e%2e"),
)
SOURCES = ("<img src=x onerror=ran()>", "=1|`drums`")
DRAW = random.Random(20261129)
TRACKS = (*PARTS[:3], *("".join(DRAW.choices(PARTS, k=3)) + str(n) for n in range(13)))


def write_hostile_report(folder: Path) -> Path:
    """FOLDER/page, the report of a study of such names."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page_study, "TRACKS", TRACKS)
        patch.setattr(page_study, "SOURCES", SOURCES)
        patch.setattr(page_study, "AUDIO", AudioFormat(page_study.RATE, 1, SOURCES))
        study = page_study.write_study_run(folder / "a <img src=x onerror=ran()> | `=study`")
    for path in study.glob("*/config.yaml"):
        config = yaml.safe_load(path.read_text()) | {"question": "\n".join(PARTS)}
        path.write_text(yaml.safe_dump(config))
    write_report(study, folder / "page", audio=True)
    return folder / "page"


def write_hostile_ratings(folder: Path) -> Path:
    """FOLDER, rows.csv and a file of ratings for each listener, of such names; one metric too."""
    said: Said = {
        source: {
            track: {"reference": DRAW.choice((50, 100)), "mixture": 10, "plain": 50, "gan": 60}
            for track in TRACKS
        }
        for source in SOURCES
    }
    folder.mkdir()
    save(folder, *(session(name, said, study="".join(PARTS)) for name in PARTS if name.strip()))
    rows = [
        Row(*row)
        for metric in ("usdr", PARTS[0])
        for row in rows_like(said, metric).itertuples(index=False)
    ]
    write_table(folder / "rows.csv", Row._fields, rows)
    return folder


def write_hostile_listening(ratings: Path, out: Path) -> None:
    """The tables of these ratings in OUT."""
    files = sorted(ratings.glob("*.json"))
    for ended in (
        call("listening", *files, "--rows", ratings / "rows.csv", "--keep-all", "--out", out),
        call("listening", "--study", ratings, "--out", out),
    ):
        assert ended.status == 0, ended.err
