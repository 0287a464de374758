import nbformat
import pytest

from tools.execute_notebooks import NotebookError
from tools.measure_notebook import measure, notebooks


@pytest.fixture
def write(tmp_path):
    def write(*sources):
        path = tmp_path / "lesson.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in sources]), path)
        return path
    return write


def test_costs_and_texts_are_those_of_the_notebook_s_own_cells(write):
    result = measure(write("print('one')\n'two'", "much = bytearray(300 * 2**20)\ndel much",
                           "import time\nwhile time.process_time() < 3: pass"))
    assert result.texts == ["one\n\n'two'", "", ""]
    assert 3 <= result.cpu_seconds < 10 and result.seconds > 2
    assert result.peak_megabytes > 300 > result.proportional_megabytes  # what was given back counts in the peak only


def test_kernels_may_share_a_folder_or_have_one_of_their_own(write, tmp_path):
    path = write("import os\nprint(os.environ['COURSE_HOME'])")
    assert measure(path, home=tmp_path).texts == [f"{tmp_path}\n"]
    assert measure(path).texts != [f"{tmp_path}\n"]
    assert nbformat.read(path, as_version=4).cells[0].outputs == []  # the file stays as it was


def test_notebook_that_fails_is_named_by_its_cell(write):
    with pytest.raises(NotebookError, match="1 / 0"):
        measure(write("1 / 0"))


def test_numbers_choose_their_lessons():
    assert [path.stem[:2] for path in notebooks("06")] == ["06"]
    assert len(notebooks()) >= 12
    assert [path.stem[:2] for path in notebooks("06 00")] == ["00", "06"]
    with pytest.raises(FileNotFoundError, match="There is no lesson 99"):
        notebooks("99")
