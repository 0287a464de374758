"""The ladder of nats as a page: every rung's number is read from the saved notebooks, none is written by hand."""

import ast
import re
from typing import NamedTuple


class Rung(NamedTuple):
    """One model on the ladder."""

    name: str
    lesson: str
    found_at: str  # what stands before the number in the lesson's outputs; if published: its name in `plots.ladder`
    kind: str


RUNGS = (
    Rung("784 fair coins", "00", "✓ 784 fair coins: ", "exact"),
    Rung("one Bernoulli per pixel", "00", "✓ one Bernoulli per pixel: ", "exact"),
    Rung("one Bernoulli per pixel and class", "00", "✓ one Bernoulli per pixel and class: ", "exact"),
    Rung("decoder with 2 latents, trained by the integral", "04", "✓ exact test log p(x): ", "exact"),
    Rung("VAE with 2 latents, its ELBO", "06", "✓ test ELBO: ", "bound"),
    Rung("VAE with 2 latents", "06", "✓ exact log p(x) of the test set: ", "exact"),
    Rung("the network of this VAE, trained by the integral", "06", "trained by the integral, test images: ", "exact"),
    Rung("VAE with 50 latents, its ELBO", "07", "✓ test ELBO, all 10,000 images: ", "bound"),
    Rung("VAE with 50 latents, L₅₀₀₀ of 1,000 images", "07", "✓ L₅₀₀₀ of the first 1,000 test images: ", "bound"),
    Rung("diffusion over hidden pixels", "13", "✓ bound on log p(x), all test images: ", "bound"),
    Rung("VAE with 2 latents (Davidson et al. 2018)", "06", "2-D VAE (Davidson et al. 2018)", "published"),
    Rung("VAE with 50 latents (Burda et al. 2016)", "07", "50-D VAE, 3,280 epochs (Burda et al. 2016)", "published"),
    Rung("VAE with 50 latents, trained with L₅₀ (Burda et al. 2016)", "07", "the same, trained with L₅₀", "published"),
    Rung("VAE, convolutional and residual (Kingma et al. 2016)", "07", "convolutional, residual (Kingma et al. 2016)",
         "published"),
    Rung("mixture of 128 orders of the pixels (Uria et al. 2014)", "13", "published, mixture of 128 orders",
         "published"),
)


def climbed(lessons):
    """Return [(Rung, nats)] from the highest to the lowest.

    Raises:
        ValueError: if a notebook has no number for a rung: then its wording has changed.
    """
    notebooks = {lesson.number: lesson.notebook for lesson in lessons}
    found = []
    for rung in RUNGS:
        nats = (_published if rung.kind == "published" else _printed)(notebooks[rung.lesson], rung.found_at)
        if nats is None:
            raise ValueError(f"tools/site/ladder.py: lesson {rung.lesson} has no number after {rung.found_at!r}, "
                             f"so the rung “{rung.name}” is missing.")
        found.append((rung, nats))
    return sorted(found, key=lambda pair: -pair[1])


def table(lessons):
    """Return the ladder as a table in Markdown, with a bar for each rung."""
    pages = {lesson.number: f"lessons/{lesson.path.name}" for lesson in lessons}
    rungs = climbed(lessons)
    lines = ["| model | nats per image | kind |", "|---|--:|---|"]
    for rung, nats in rungs:
        bar = f'<span class="rung {rung.kind}" style="width: {100 * nats / rungs[-1][1]:.1f}%"></span>'
        lines.append(f"| [{rung.name}]({pages[rung.lesson]})<br>{bar} | −{-nats:.1f} | {rung.kind} |")
    return "\n".join(lines)


def _printed(notebook, line_start):
    text = "\n".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))
    match = re.search(rf"^{re.escape(line_start)}(-\d+\.\d)", text, re.MULTILINE)
    return float(match[1]) if match else None


def _published(notebook, name):
    """Return the figure of another paper that a lesson's call of `plots.ladder` holds under a name."""
    for cell in notebook.cells:
        if cell.cell_type == "code" and "plots.ladder(" in cell.source:
            for node in ast.walk(ast.parse(cell.source)):
                if isinstance(node, ast.Dict):
                    for key, value in zip(node.keys, node.values):
                        if isinstance(key, ast.Constant) and key.value == name:
                            return ast.literal_eval(value)
    return None
