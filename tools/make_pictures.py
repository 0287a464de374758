"""Draw the pictures of README.md and lesson 0: run lessons 6 and 13, and draw with what they have trained.

    python -m tools.make_pictures        (or: course.py pictures)
"""

import nbformat
import numpy as np

from tools.execute_notebooks import ROOT, execute
from utils import plots
from utils.assets import FOLDER, record_checksums

LAST_CELLS = {"06": "draw_plane(vae.decoder)", "13": "draw_digits(draw, flow)"}


def draw_plane(decoder):
    """Draw the digits on a grid over the latent plane of lesson 6's VAE."""
    from utils.models import decode_grid  # here, since it brings TensorFlow, which the lesson's kernel alone needs

    save("vae_plane.png", decode_grid(decoder, side=20), columns=20)


def draw_digits(draw, flow):
    """Draw digits with lesson 13's function and flow: about ten of each label, asked for loudly, and none picked."""
    labels = np.random.default_rng(0).permutation(np.tile(np.arange(10), 10))[:98].astype("int32")
    save("drawn_digits.png", draw(flow, labels, 3.0, seed=0), columns=14)


def save(name, images, columns):
    """Write a mosaic of images as a small PNG into utils/assets."""
    (FOLDER / name).write_bytes(plots.png(plots.digits(images, columns=columns)))


def main():
    for lesson, call in LAST_CELLS.items():
        path, = (ROOT / "notebooks").glob(f"{lesson}_*.ipynb")
        notebook = nbformat.read(path, as_version=4)
        source = f"from tools.make_pictures import {call.partition('(')[0]}\n{call}"
        notebook.cells.append(nbformat.v4.new_code_cell(source))
        execute(notebook, ROOT)  # in its folder the last cell finds `tools`
    record_checksums()


if __name__ == "__main__":
    main()
