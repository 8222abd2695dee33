"""Questioning the discriminators: scores of the same real and estimated segments, again and again."""

from collections.abc import Sequence
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import Tensor, nn

from gan_sep.data.base import Track
from gan_sep.data.segments import PairedSegments
from gan_sep.evaluation.separate import evaluating
from gan_sep.experiment import ExperimentConfig
from gan_sep.training.diagnostics import measure
