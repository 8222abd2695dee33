"""The filters of BSSEval against plain least squares."""

import numpy as np
import pytest
from bsseval_cases import NEARLY_SINGULAR, SAMPLE_RATE, hard_pair, pair
from pairs import require_equal

from gan_sep.fast.filters import filters, plain_filters


def test_filters_are_those_of_least_squares() -> None:
    references, estimates = (each[..., :900] for each in pair(2, 1, 3 * SAMPLE_RATE))
    require_equal(filters, plain_filters, references, estimates, rtol=0, atol=1e-7)


@pytest.mark.parametrize("case", NEARLY_SINGULAR)
def test_what_would_be_rounded_is_refused(case: str) -> None:
    with pytest.raises(np.linalg.LinAlgError):
        filters(*hard_pair(case, 2, 1))
