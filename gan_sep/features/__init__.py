"""Networks whose layers serve losses and distances: frozen, differentiable, at any rate."""
