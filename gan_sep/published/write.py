"""Exports: a folder with a model's weights in a form that travels."""

import json
from pathlib import Path

from safetensors.torch import save

from gan_sep.config.loader import to_dict
from gan_sep.published.files import Model
from gan_sep.published.options import class_of
from gan_sep.runs import write_bytes, write_text


def export(model: Model, folder: Path, name: str) -> list[Path]:
    """Write FOLDER/NAME.safetensors and NAME.yaml, a bag of this one model -> both.

    The configuration lies in the file's metadata as JSON. Hybrid Demucs and HT Demucs also say
    their class and options as the package demucs does, which so loads them too.
    """
    said = model.said
    metadata = {"format": "pt", "gan_sep": json.dumps(to_dict(said))}
    package = class_of(said.generator, said.audio)
    if package is not None:
        metadata |= {"klass": package[0], "args": "[]", "kwargs": json.dumps(package[1])}
    weights = {key: value.contiguous() for key, value in model.weights.items()}
    path, bag = folder / f"{name}.safetensors", folder / f"{name}.yaml"
    write_bytes(path, save(weights, metadata))
    write_text(bag, f"models: [{json.dumps(name)}]\n")
    return [path, bag]
