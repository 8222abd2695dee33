"""Listening sessions and rows small enough to check by hand."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

Said = dict[str, dict[str, dict[str, float]]]
"""Source -> track -> arm -> rating."""

SAID: Said = {
    "drums": {
        "a": {"reference": 100, "mixture": 10, "plain": 50, "gan": 60},
        "b": {"reference": 96, "mixture": 20, "plain": 40, "gan": 70},
    },
    "vocals": {
        "a": {"reference": 98, "mixture": 30, "plain": 60, "gan": 50},
        "b": {"reference": 94, "mixture": 40, "plain": 70, "gan": 80},
    },
}


def session(listener: str, said: Said = SAID, **changes: Any) -> dict[str, Any]:
    """What the page saves, with fields changed."""
    ratings = [
        {"track": track, "source": source, "arm": arm, "seed": 0, "rating": rating}
        for source, by_track in said.items()
        for track, by_arm in by_track.items()
        for arm, rating in by_arm.items()
    ]
    return {
        "format": 1,
        "study": "small",
        "listener": listener,
        "started": "2026-01-01T10:00:00Z",
        "finished": "2026-01-01T10:20:00Z",
        "ratings": ratings,
    } | changes


def moved(by: float, arm: str, said: Said = SAID) -> Said:
    """The same ratings but for those of one arm."""
    return {
        source: {
            track: {name: r + by if name == arm else r for name, r in by_arm.items()}
            for track, by_arm in by_track.items()
        }
        for source, by_track in said.items()
    }


def save(folder: Path, *sessions: dict[str, Any]) -> list[Path]:
    """One file per session: 0.json, 1.json, ..."""
    paths = [folder / f"{place}.json" for place in range(len(sessions))]
    for path, content in zip(paths, sessions, strict=True):
        path.write_text(json.dumps(content), encoding="utf-8")
    return paths


def rows_like(said: Said = SAID, metric: str = "usdr", scale: float = 0.1) -> pd.DataFrame:
    """Rows of a metric that follows the ratings; a negative scale turns it around."""
    return pd.DataFrame(
        [
            (0, arm, track, source, metric, scale * rating)
            for source, by_track in said.items()
            for track, by_arm in by_track.items()
            for arm, rating in by_arm.items()
            if arm != "reference"
        ],
        columns=["seed", "arm", "track", "source", "metric", "value"],
    )
