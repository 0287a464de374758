import base64
import io

import nbformat
import numpy as np
import pytest
from PIL import Image

from tools.execute_notebooks import NotebookError, compress_pictures, execute


def notebook(*sources):
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])


def test_outputs_are_those_of_one_clean_run(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    (tmp_path / "progress.json").write_text("{}")
    lesson = notebook("import os\nos.listdir(os.environ['COURSE_HOME'])",
                      "for count in range(3):\n    print(count, flush=True)",
                      "from ipywidgets import IntSlider\nIntSlider()")
    lesson.metadata["widgets"] = {"of": "an earlier run"}
    lesson.cells[0].update(execution_count=7, metadata={"tags": ["kept"], "execution": {"of": "an earlier run"}})
    execute(lesson, tmp_path)
    assert [cell.execution_count for cell in lesson.cells] == [1, 2, 3]
    assert "progress" not in lesson.cells[0].outputs[0].data["text/plain"]
    assert [output.text for output in lesson.cells[1].outputs] == ["0\n1\n2\n"]
    assert [cell.metadata for cell in lesson.cells] == [{"tags": ["kept"]}, {}, {}]
    assert set(lesson.metadata) == {"language_info"}
    assert "version" not in lesson.metadata.language_info


@pytest.mark.parametrize(("source", "shown"), [
    ("1 / 0", r"1 / 0(.|\n)*ZeroDivisionError"),
    ("import sys\nprint('careful', file=sys.stderr)", r"stderr:\nimport sys(.|\n)*careful")])
def test_a_cell_that_fails_or_writes_to_stderr_is_shown(source, shown, tmp_path):
    with pytest.raises(NotebookError, match=shown):
        execute(notebook("1 / 1", source), tmp_path)


def test_pictures_are_stored_smaller_with_the_same_pixels():
    pixels = np.repeat(np.random.default_rng(0).integers(0, 4, (40, 60, 1), np.uint8) * 60, 3, axis=-1)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="png", compress_level=1)
    lesson, encoded = notebook("picture()"), base64.b64encode(buffer.getvalue()).decode()
    lesson.cells[0].outputs = [nbformat.v4.new_output("display_data", {"image/png": encoded})]
    compress_pictures(lesson)
    stored = base64.b64decode(lesson.cells[0].outputs[0].data["image/png"])
    assert len(stored) < len(buffer.getvalue())
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(stored)).convert("RGB")), pixels)
