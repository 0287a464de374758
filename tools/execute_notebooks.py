"""Run notebooks from top to bottom in fresh kernels and save their outputs: all of them, or one lesson.

    python tools/execute_notebooks.py 06        (or: course.py notebooks --lesson 06)

A notebook that fails, or writes to stderr, stays as it was.
"""

import base64
import io
import os
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import numpy as np
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
METADATA_OF_ONE_RUN = ("execution", "ExecuteTime", "executionInfo", "outputId", "colab")


class NotebookError(RuntimeError):
    """A cell failed or wrote to stderr; the message shows the cell."""


def execute(notebook, folder):
    """Run a notebook in place, as on a machine that has never seen the course, and keep nothing of this one run.

    Args:
        notebook: of nbformat 4; its outputs are replaced.
        folder: the working folder of its cells.

    Raises:
        NotebookError: if a cell raises or writes to stderr, or the kernel dies.
    """
    client = NotebookClient(
        notebook,
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,  # else the outputs depend on when the kernel happened to flush
        extra_arguments=["--IPKernelApp.log_level=40"],  # it warns of sockets that stay on this machine
    )
    with tempfile.TemporaryDirectory() as home:  # neither progress nor backups of the author's may show
        environment = dict(os.environ, COURSE_HOME=home, IPYTHONDIR=str(Path(home, "ipython")))
        try:
            client.execute(env=environment)
        except (CellExecutionError, DeadKernelError) as error:
            raise NotebookError(str(error)) from None
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.get("name") == "stderr":
                raise NotebookError(f"This cell writes to stderr:\n{cell.source}\n\n{output.text}")
        for key in METADATA_OF_ONE_RUN:
            cell.metadata.pop(key, None)
    notebook.metadata.pop("widgets", None)
    notebook.metadata.language_info.pop("version", None)


def compress_pictures(notebook):
    """Store every PNG in the outputs with fewer bytes and the same pixels."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            picture = output.get("data", {}).get("image/png")
            if picture:
                output.data["image/png"] = base64.b64encode(_smaller(base64.b64decode(picture))).decode("ascii")


def _smaller(png):
    """Return the PNG of the same pixels: in shades of grey where there is no colour, and packed as well as can be."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    red, green, blue = np.moveaxis(np.asarray(image), -1, 0)
    if np.array_equal(red, green) and np.array_equal(red, blue):
        image = image.convert("L")
    buffer = io.BytesIO()
    image.save(buffer, format="png", optimize=True)
    return min(png, buffer.getvalue(), key=len)


def main(lesson=""):
    paths = sorted((ROOT / "notebooks").glob(f"{lesson}*.ipynb"))
    if not paths:
        sys.exit(f"There is no notebook notebooks/{lesson}*.ipynb.")
    for path in paths:
        started = time.monotonic()
        notebook = nbformat.read(path, as_version=4)
        try:
            execute(notebook, path.parent)
        except NotebookError as error:
            sys.exit(f"{error}\n{path.name} failed in the cell above and stays as it was.")
        compress_pictures(notebook)
        nbformat.write(notebook, path)
        size = path.stat().st_size / 1e6
        print(f"{path.name}: {time.monotonic() - started:.0f} s, {size:.2f} MB")


if __name__ == "__main__":
    main(*sys.argv[1:])
