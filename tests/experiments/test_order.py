"""The rank correlation of a study's arms with a published order."""

from pathlib import Path

import numpy as np
import pytest
from commands import call
from order import correlation

REPORTS = Path(__file__).parents[2] / "reports" / "losses"


@pytest.mark.slow
def test_the_numbers_of_the_report_come_again() -> None:
    ended = call("order", REPORTS / "open_unmix", REPORTS / "published.csv")
    assert ended.out == "18 arms: +0.10 [-0.41, +0.61]\n"
    assert ended.out.strip().partition(": ")[2] in (REPORTS / "open_unmix/README.md").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("sign", [1, -1])
def test_equal_and_opposite_orders_have_correlations_of_one(sign: int) -> None:
    levels = np.arange(6.0)
    found = np.tile(sign * levels[:, None, None], (1, 5, 2))
    assert correlation(levels, found) == pytest.approx((sign, sign, sign))


def test_arms_that_the_study_has_not_are_named(tmp_path: Path) -> None:
    (tmp_path / "published.csv").write_text("arm,value\nl3,1\nl2_time,2\nl1_time,3\npsa,4\n")
    ended = call("order", REPORTS / "open_unmix", tmp_path / "published.csv")
    assert ended.status == 2
    assert "expected rows of l3, found none" in ended.err
