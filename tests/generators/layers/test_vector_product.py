"""The vector product layer against the cross product summed by hand."""

import pytest
import torch

from gan_sep.generators.layers.vector_product import VectorProduct


@pytest.fixture
def layer() -> VectorProduct:
    torch.manual_seed(0)
    return VectorProduct(3, 2).double()


def test_the_unit_vectors_turn_into_each_other() -> None:
    layer = VectorProduct(1, 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[[1.0, 0.0, 0.0]]]))
        layer.bias.zero_()
    units = torch.eye(3)[:, None]  # (3, J = 1, 3): x, y and z
    # x cross x = 0, x cross y = z, x cross z = -y
    assert layer(units)[:, 0].tolist() == [[0, 0, 0], [0, 0, 1], [0, -1, 0]]


def test_outputs_are_the_cross_products_summed_over_the_inputs(layer: VectorProduct) -> None:
    v = torch.randn(5, 4, 3, 3, dtype=torch.float64)  # (B, N, J, 3)
    outputs = layer(v)
    assert outputs.shape == (5, 4, 2, 3)
    for i in range(2):
        expected = layer.bias[i].expand(5, 4, 3)
        for j in range(3):
            weight = layer.weight[i, j].expand(5, 4, 3)
            expected = expected + torch.linalg.cross(weight, v[:, :, j])
        torch.testing.assert_close(outputs[:, :, i], expected, rtol=1e-12, atol=1e-12)


def test_along_a_direction_are_the_outputs_components(layer: VectorProduct) -> None:
    v = torch.randn(4, 3, 3, dtype=torch.float64)
    for direction in torch.cat([torch.eye(3), torch.randn(2, 3)]).double():
        expected = (layer(v) * direction).sum(-1)
        torch.testing.assert_close(layer.along(v, direction), expected, rtol=1e-12, atol=1e-12)


def test_gradients_are_those_of_finite_differences(layer: VectorProduct) -> None:
    v = torch.randn(2, 3, 3, dtype=torch.float64, requires_grad=True)
    direction = torch.randn(3, dtype=torch.float64)

    def outputs(*_: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return layer(v), layer.along(v, direction)

    assert torch.autograd.gradcheck(outputs, (v, layer.weight, layer.bias))


def test_weights_are_drawn_within_the_bounds_of_a_linear_layer_of_as_many_terms() -> None:
    torch.manual_seed(0)
    layer = VectorProduct(50, 100)
    assert sum(p.numel() for p in layer.parameters()) == 3 * 100 * (50 + 1)
    for parameter in layer.parameters():
        assert 0.095 < parameter.abs().max() <= 0.1  # 1 / sqrt(2 * 50)


def test_the_state_holds_weight_and_bias_alone(layer: VectorProduct) -> None:
    assert list(layer.state_dict()) == ["weight", "bias"]
