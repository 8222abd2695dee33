"""Initial weights of the Demucs family: convolutions drawn towards one standard deviation."""

from torch import nn

_CONVOLUTIONS = nn.Conv1d | nn.Conv2d | nn.ConvTranspose1d | nn.ConvTranspose2d


def rescale_convolutions(network: nn.Module, reference: float) -> None:
    """Divide each convolution's weight and bias by sqrt(std(weight) / reference)."""
    for layer in network.modules():
        if isinstance(layer, _CONVOLUTIONS):
            scale = (layer.weight.detach().std() / reference).sqrt()
            for parameter in layer.parameters():
                parameter.data /= scale
