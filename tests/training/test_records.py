from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from torch import nn

from gan_sep.runs import RunFolder, finite, read_lines
from gan_sep.training.ema import averaged
from gan_sep.training.records import Meter, RecordFile, nested


def test_a_resumed_file_is_cut_back_to_what_the_checkpoint_vouches_for(tmp_path: Path) -> None:
    run = RunFolder.at(tmp_path / "seed0-gan")
    path = run.records_file
    file = RecordFile(path)
    file.write({"step": 1, "kind": "train"})
    position = file.position()
    file.write({"step": 2, "kind": "train"})
    file.close()
    file = RecordFile(path, position)
    file.write({"step": 2, "kind": "valid"})
    file.close()
    assert run.records("train") == [{"step": 1, "kind": "train"}]
    assert run.records("valid") == [{"step": 2, "kind": "valid"}]


def test_a_file_shorter_than_its_checkpoint_says_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text("{}\n")
    with pytest.raises(ValueError, match=r"expected whole lines in the 10 bytes .* found 3"):
        RecordFile(path, 10)


def test_a_last_line_cut_by_a_kill_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text('{"step": 1}\n{"ste')
    assert list(read_lines(path)) == [{"step": 1}]
    assert list(read_lines(tmp_path / "none.jsonl")) == []
    path.write_text("junk")
    with pytest.raises(ValueError, match=r"line 1: expected a JSON object"):
        list(read_lines(path))


def test_the_meter_gives_means_of_the_steps_that_had_a_value() -> None:
    meter = Meter()
    meter.add({"a": torch.tensor([1.0, 2.0]), "b": torch.tensor(4.0)})
    meter.add({"a": torch.tensor([3.0, 6.0])})
    means = meter.read(Accelerator(cpu=True))
    assert means["a"].tolist() == [2.0, 4.0]
    assert means["b"].item() == 4.0
    assert meter.sums == {}


def test_a_restored_meter_goes_on_counting() -> None:
    meter, other = Meter(), Meter()
    meter.add({"a": torch.tensor(1.0)})
    other.load_state_dict(meter.state_dict(), torch.device("cpu"))
    other.add({"a": torch.tensor(4.0)})
    assert other.read(Accelerator(cpu=True))["a"].item() == 2.5


def test_values_are_named_by_source() -> None:
    values = {"loss/l1": torch.tensor([1.0, 2.0]), "norm/generator": torch.tensor(3.0)}
    assert nested(values, ("low", "high")) == {
        "loss": {"l1": {"low": 1.0, "high": 2.0}},
        "norm": {"generator": 3.0},
    }


def test_json_gets_null_for_what_it_cannot_say() -> None:
    tree = {"a": float("nan"), "b": [1.0, float("inf")], "c": "text", "d": 3}
    assert finite(tree) == {"a": None, "b": [1.0, None], "c": "text", "d": 3}


def test_the_average_forgets_its_start_early_and_is_slow_later() -> None:
    network = nn.Linear(1, 1, bias=False)
    nn.init.constant_(network.weight, 0.0)
    average = averaged(network, 0.5)
    expected = 0.0
    for update in range(8):
        value = float(update + 1)
        nn.init.constant_(network.weight, value)
        average.update_parameters(network)
        decay = min(0.5, (1 + update) / (10 + update))
        # The first update copies.
        expected = value if update == 0 else decay * expected + (1 - decay) * value
        assert float(average.module.get_parameter("weight")) == pytest.approx(expected)


@pytest.mark.parametrize("line", ["{", "[1]", "NaN_", "[" * 100_000])
def test_a_damaged_line_is_named_with_its_file(tmp_path: Path, line: str) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text('{"step": 1}\n' + line + "\n")
    with pytest.raises(ValueError, match=r"records\.jsonl: line 2: expected a JSON object"):
        list(read_lines(path))


def test_a_file_that_was_replaced_is_refused(tmp_path: Path) -> None:
    (tmp_path / "records.jsonl").write_text("[" * 100)
    with pytest.raises(ValueError, match="expected whole lines in the 50 bytes"):
        RecordFile(tmp_path / "records.jsonl", 50)
