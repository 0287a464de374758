"""What only lesson 1 computes: its points and digits, how well a neuron answers, the gates of two inputs."""

import numpy as np

from utils.data import flatten, to_unit_range


def two_clouds(count, distance, seed):
    """Return points (count, 2) of two round clouds, their centres `distance` apart, and labels (count,), 0 or 1."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    centres = np.array([0.4, -0.4]) + np.outer(labels - 0.5, distance * np.array([0.6, 0.8]))
    return centres + 0.9 * random.normal(size=(count, 2)), labels


def threes_and_eights(images, digits):
    """Return all 3s and 8s as rows in [0, 1], float32 (n, 784), and labels (n,): 1 for an 8."""
    chosen = (digits == 3) | (digits == 8)
    return to_unit_range(flatten(images[chosen])), (digits[chosen] == 8).astype(np.float32)


def window_ink(images, rows, columns):
    """Return the ink of images (n, 784) between two rows and two columns, from -1 (none) to 1 (full): (n, 1)."""
    window = images.reshape(-1, 28, 28)[:, slice(*rows), slice(*columns)]
    return 2 * window.mean(axis=(1, 2))[:, None].astype(np.float64) - 1


def compare_with_shares(answers, labels, name, groups=5):
    """Print the average answer and the share of label 1 in each group of answers; return the largest difference."""
    places, differences = np.minimum((groups * answers).astype(int), groups - 1), []
    for place in range(groups):
        answer, share = answers[places == place].mean(), labels[places == place].mean()
        print(f"test images with answers around {answer:.2f}: {100 * share:.0f}% are {name}")
        differences.append(abs(answer - share))
    return max(differences)


def telling_examples(sums, labels, count=10):
    """Return the places of the lowest and highest sums, those nearest to 0, and the worst errors: (4 * count,)."""
    order, wrong = np.argsort(sums), np.flatnonzero((sums > 0) != labels)
    worst = wrong[np.argsort(-np.abs(sums[wrong]))]
    return np.concatenate([order[:count], order[::-1][:count], np.argsort(np.abs(sums))[:count], worst[:count]])


def gates():
    """Return a neuron each for "AND", "OR" and "NAND", in a dictionary."""
    return {"AND": (2, 2, -3), "OR": (2, 2, -1), "NAND": (-2, -2, 3)}
