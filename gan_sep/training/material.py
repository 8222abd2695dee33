"""The songs of a run: opened, checked, and those of its earlier calls."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Self

from accelerate import Accelerator

from gan_sep.config.run import RunConfig
from gan_sep.data.base import DataError, Track
from gan_sep.data.check import (
    SHORTEST,
    check_tracks,
    fingerprint,
    open_splits,
    require_same,
    same_names,
    tell,
)
from gan_sep.data.unpaired import Pools
from gan_sep.runs import RunFolder


class Material(NamedTuple):
    """splits: train, valid, test -> tracks; pools: what is learned from."""

    splits: Mapping[str, list[Track]]
    pools: Pools
    fingerprint: dict[str, dict[str, str]]

    @classmethod
    def checked(
        cls, config: RunConfig, before: Sequence[RunFolder | None], accelerator: Accelerator
    ) -> Self:
        """before: runs whose data must be the same, where they have begun.

        Raises DataError where the data are not what the run needs, and ValueError where they are
        not those of an earlier call or of the trunk.
        """
        splits, errors = open_splits(config.data, config.audio)
        pools = _pools(config, splits, errors)
        train = set(splits["train"])
        groups: dict[str, Sequence[Track]] = dict(splits)
        groups["unpaired"] = [track for track in pools.unpaired if track not in train]
        with accelerator.main_process_first():  # what it decodes, the others need not
            full = getattr(config.data, "check", "full") == "full"
            check_tracks(groups, _needed(config), full, errors.values())
            if accelerator.is_main_process:
                tell(same_names(groups))
            found = fingerprint(groups)
            for run in before:
                if run is not None:
                    require_same(run.data_file, found)
        return cls(splits, pools, found)

    @property
    def counts(self) -> dict[str, int]:
        """How many tracks there are of each kind."""
        counts = {split: len(tracks) for split, tracks in self.splits.items()}
        return {"train": counts["train"], "of them paired": len(self.pools.paired), **counts}


def _pools(
    config: RunConfig, splits: Mapping[str, list[Track]], errors: dict[str, DataError]
) -> Pools:
    """What is learned from; what is wrong with it becomes one more of `errors`."""
    train, held_out = splits["train"], [*splits["valid"], *splits["test"]]
    if config.unpaired is not None:
        # The plain run sets the same tracks aside as its counterpart, and learns from the rest.
        try:
            return config.unpaired.build(config.audio, train, held_out)
        except DataError as error:
            errors["unpaired"] = error
        except (ValueError, FileNotFoundError) as error:
            if "train" not in errors:  # else it may come of the tracks that are missing
                errors["unpaired"] = DataError([str(error)])
    return Pools(train, [], [])


def _needed(config: RunConfig) -> dict[str, tuple[int, str]]:
    """Of each group, how many samples a track needs, and what for."""
    seconds = config.training.segment_seconds + config.augment.reserve_seconds
    unpaired = config.audio.samples(seconds)
    reason = "training.segment_seconds and, read beside it, augment.shift.seconds"
    if config.augment.repitch is not None:
        reason += f", for repitching x {1 + config.augment.repitch.tempo_limit:g}"
    held_out = SHORTEST, "the window of a metric"
    return {
        "train": (config.augment.samples_read(unpaired), reason),
        "unpaired": (unpaired, reason),
        "valid": held_out,
        "test": held_out,
    }
