"""What only lesson 1 computes: the gates of two inputs that one neuron can be."""


def gates():
    """Return for each gate, "AND", "OR" and "NAND", a neuron that computes it: (first weight, second weight, bias)."""
    return {"AND": (2, 2, -3), "OR": (2, 2, -1), "NAND": (-2, -2, 3)}
