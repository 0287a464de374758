"""Every lesson in git has the form that form.py describes, each of its rules can fail, and a used copy breaks none."""

import json
import os
import shutil
import subprocess
import sys

import nbformat
import pytest

from tests.notebooks import form
from tools import lessons
from tools.write_badges import ROOT, SET_UP_METADATA, badge, set_up_cell

ADDRESS = ("https://github.com/ada/course", "main")
PATH = ROOT / "notebooks" / "06_tiny_lesson.ipynb"  # of the notebook below, which no file holds
PICTURE = nbformat.v4.new_output("display_data", {"image/png": "iVBORw0KGgo="})


@pytest.mark.parametrize("rule", form.RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", lessons.paths(), ids=lambda path: path.stem)
@pytest.mark.of_a_commit
def test_lesson(path, rule):
    complaints = rule(form.read_held(path), path)
    assert not complaints, "\n" + "\n".join(complaints)


@pytest.mark.of_a_commit
@pytest.mark.parametrize("path", lessons.paths(), ids=lambda path: path.stem)
def test_ruff_finds_no_mistake_in_the_code(path):
    pytest.importorskip("ruff")
    command = [sys.executable, "-m", "ruff", "check", "--output-format=concise", "--stdin-filename", path, "-"]
    checked = subprocess.run(command, input=lessons.text(path), capture_output=True, encoding="utf-8", cwd=ROOT)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.fixture
def public(monkeypatch):
    """Give the course an address, which it may have or not."""
    monkeypatch.setattr(form, "address", lambda: ADDRESS)


def tiny_lesson():
    """Return a lesson that keeps every rule.

    Its cells: 0 title, 1 set-up, 2 imports, 3 idea, 4 picture, 5 stub, 6 check, 7 closing sections.
    """
    markdown, code = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell
    lesson = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    lesson.cells = [
        markdown(f"# 6 · A tiny lesson\n\n{badge(PATH.name, *ADDRESS)}\n\n*Why is the ELBO of a VAE a bound?*\n\n"
                 "You will be able to\n\n- read an equation\n- halve a number\n\n"
                 "7 minutes of reading, 3 seconds of computing"),
        code(set_up_cell(*ADDRESS), metadata=dict(SET_UP_METADATA)),
        code('from utils.plots import digits\nfrom utils.runtime import start\n\nlesson = start("06")'),
        markdown("## The ELBO, and Jensen's inequality in Keras\n\n![Ten digits](../pyproject.toml)\n\n"
                 "[end](#Key-points)\n\n- $z$ in a list\n\n$$\n\\begin{aligned}\na &= b\n\\end{aligned}\n$$\n\n"
                 "## Exercise 6.1 · Half of `It`"),
        code("digits(images)", outputs=[PICTURE], metadata=alternative_text("Ten digits in a row, each drawn once")),
        code('def half(number):\n    """Return half of a number."""\n    ...  # your code'),
        code('half = check("6.1", half)', metadata={"tags": [form.COMPARED_TAG]}, outputs=stream("stdout", "✓ 6.1\n")),
        markdown("## Key points\n\n- one\n- two\n\n## Questions\n\n" + 3 * "Why?\n<details>Because.</details>\n\n"
                 + "## References\n\nKingma and Welling (2014)."),
    ]
    for count, cell in enumerate((cell for cell in lesson.cells if cell.cell_type == "code"), start=1):
        cell.execution_count = count
    return lesson


def alternative_text(words):
    return {"mystnb": {"image": {"alt": words}}}


def stream(name, text):
    return [nbformat.v4.new_output("stream", name=name, text=text)]


def replace(index, old, new):
    """Return a change that replaces a part of one cell's source."""
    def change(lesson):
        assert old in lesson.cells[index].source
        lesson.cells[index].source = lesson.cells[index].source.replace(old, new)
    return change


def append(index, text):
    """Return a change that appends text to one cell's source."""
    return lambda lesson: lesson.cells[index].update(source=lesson.cells[index].source + text)


def edit(index, **fields):
    """Return a change that replaces fields of one cell."""
    return lambda lesson: lesson.cells[index].update(nbformat.from_dict(fields))


def a_function_of_utils(otherwise=""):
    """Return a change that defines in the lesson what utils defines, the same or with a line more."""
    codes = (code for twins in form.definitions_in_utils().values() for code in twins.values())
    code = next(code for code in codes if code.startswith("def ") and len(code.splitlines()) < 20)
    return append(2, f"\n\n\n{code}\n{otherwise}")


A_CLASS = "\n\nclass Net({base}):\n" + "\n".join(f"    size_{index} = {index}" for index in range(30))

def both(first, second):
    """Return a change that makes two."""
    return lambda lesson: (first(lesson), second(lesson))


KEPT = {
    "a function that is the same as in utils": a_function_of_utils(),
    "a whole Keras model in 37 lines": both(
        append(2, A_CLASS.format(base="keras.Model")), replace(0, "7 minutes", "10 minutes")),
    "two exercises in one cell": both(
        append(6, '\ntwice = check("6.2", twice)'), replace(0, "7 minutes", "12 minutes")),
    "one line of displayed math": append(3, "\n\n$$a = b$$"),
    "code in Markdown": append(3, "\n\n```\n# Not A Heading ![](x) $$\n```"),
    "an exception to a function's drawing": append(5, "\n\n\ndef draw():\n    return digits(images)"),
}

BROKEN = {
    form.title_cell_opens_the_lesson: [
        (replace(0, "# 6 ·", "# 7 ·"), "# 6 · Title"), (replace(0, "bound?", "bound."), "question"),
        (replace(0, "7 minutes", "some time"), "minutes"), (replace(0, "3 seconds", "a moment"), "seconds"),
        (edit(0, cell_type="code"), "is code"), (replace(0, "- read", "- a\n- b\n- c\n- read"), "5 objectives")],
    form.badge_opens_this_notebook_on_colab: [
        (replace(0, "06_tiny", "07_tiny"), "lacks the badge"), (replace(0, "/blob/", "/tree/"), "lacks the badge")],
    form.set_up_cell_is_the_common_one: [
        (replace(1, "REPOSITORY = ", "REPOSITORY = 1, "), "not the set-up cell"),
        (edit(1, metadata={"cellView": "form"}), "not collapsed")],
    form.second_code_cell_imports_and_starts: [
        (replace(2, 'start("06")', 'start("05")'), 'start("06")'),
        (edit(2, source='lesson = start("06")'), "imports nothing")],
    form.title_cell_promises_the_minutes_of_the_formula: [
        (replace(0, "7 minutes", "8 minutes"), "promises [8] minutes"),
        (append(3, "\n\n" + 12_960 * "word "), "the core takes 79 minutes; at most 75"),
        (append(3, "\n\n" + 540 * "word "), "counts 10 for the core and 10 for the whole")],
    form.cells_that_go_further_are_tagged: [
        (append(3, "\n\n## Going further: half a half"), "cell 4 lacks"),
        (edit(4, metadata={"tags": ["further"]}), "cell 5 should not have")],
    form.closing_sections_are_there: [(replace(7, "## References", "## Sources"), "References")],
    form.key_points_answer_the_objectives: [(replace(7, "- two\n", ""), "2 objectives, but 1 key points")],
    form.questions_have_folded_answers: [(replace(7, "<details>Because.</details>", ""), "0 questions")],
    form.exercises_are_numbered_in_order: [
        (replace(6, "6.1", "6.2"), "['6.2'], not ['6.1']"), (edit(6, source="half(2)"), "[], not ['6.1']")],
    form.code_cells_are_plain_python: [
        (edit(4, source="%matplotlib inline"), "%matplotlib"), (edit(4, source="files = !ls"), "!ls"),
        (edit(4, source="get_ipython().run_line_magic('x', '')"), "get_ipython")],
    form.code_cells_are_short: [
        (append(2, 22 * "\n0"), "has 26 lines; at most 25"), (append(2, A_CLASS.format(base="dict")), "at most 25"),
        (append(2, A_CLASS.format(base="keras.Model") + 10 * "\n0"), "at most 40")],
    form.code_lines_fit_the_page: [(append(2, f"\nname = '{83 * 'x'}'"), "a line of 92 columns")],
    form.twins_in_utils_are_the_same_code: [(a_function_of_utils("    return 2"), "otherwise than utils/")],
    form.outputs_are_those_of_one_clean_run: [
        (edit(4, execution_count=9), "[1, 2, 9, 4, 5]"), (edit(4, execution_count=None), "None")],
    form.outputs_have_no_errors: [
        (edit(2, outputs=stream("stderr", "W0000 careful")), "W0000"),
        (edit(2, outputs=[nbformat.v4.new_output("error", ename="KeyError")]), "KeyError")],
    form.no_machine_paths: [
        (edit(2, outputs=stream("stdout", "saved in /home/ada/course")), "/home/ada"),
        (edit(2, outputs=stream("stdout", r"saved in C:\Users\ada")), r"C:\Users"),
        (append(3, "\n\nlook into `/tmp/course`"), "/tmp/course")],
    form.file_is_small: [(edit(2, outputs=stream("stdout", 250_000 * "long")), "bytes")],
    form.metadata_holds_nothing_of_one_run: [
        (lambda lesson: lesson.metadata.update(widgets={}), "widgets"),
        (lambda lesson: lesson.metadata.kernelspec.update(name="my-env"), "my-env"),
        (edit(2, metadata={"execution": {"iopub.status.busy": "…"}}), "execution")],
    form.pictures_are_stored_where_plots_are_called: [
        (edit(4, outputs=[]), "digits"), (append(2, "\nplt.imshow(x)"), "plt.imshow"),
        (append(2, "\nfrom utils import plots\nplots.digits(x)"), "plots.digits"),
        (append(2, "\nfrom utils.lesson_06 import explorers\nexplorers.walk(x)"), "explorers.walk")],
    form.stored_pictures_have_alternative_text: [
        (edit(4, metadata={}), "has 0 words"), (edit(4, metadata=alternative_text("Ten digits")), "has 2 words")],
    form.compared_cells_have_text_to_compare: [
        (edit(6, outputs=[]), "no text"), (edit(6, outputs=[PICTURE]), "no text"),
        (edit(6, metadata={"tags": ["nbval-check-outputs"]}), "nbval-check-outputs"),
        (append(6, "  # NBVAL_SKIP"), "comment")],
    form.images_have_alternative_text: [
        (replace(3, "![Ten digits]", "![]"), "pyproject.toml"),
        (append(3, '\n\n<img src="../Makefile" alt="">'), "Makefile")],
    form.displayed_math_is_in_the_common_subset: [
        (append(7, "\n\n<details>\n\n$$a$$\n\n</details>"), "inside <details>"),
        *((append(3, f"\n\n{text}"), words) for text, words in {
            "so $$a = b$$": "column 0", "  $$\na\n  $$": "column 0", "> $$a$$": "column 0",
            "- so\n$$\na\n$$": "inside a list", "$$\na\n": "never closed", "$$\na\n\nb\n$$": "blank line",
            "\\begin{aligned}a\\end{aligned}": "aligned outside", "the $\\operatorname{sigmoid}$": "operatorname",
            "$$\n\\begin{align}\na\n\\end{align}\n$$": "environment"}.items())],
    form.headings_are_in_sentence_case: [(append(3, "\n\n## The Evidence lower bound"), "'Evidence'")],
    form.links_lead_somewhere: [
        (append(3, "\n\n[code](../utils/nowhere.py)"), "no file"), (append(3, "\n\n[above](#The-elbo)"), "no heading")],
    form.every_cell_has_its_own_id: [
        (lambda lesson: lesson.cells[2].pop("id"), "cell 3 has no id"),
        (lambda lesson: lesson.cells[3].update(id=lesson.cells[2].id), "two cells")],
    form.format_is_valid: [
        (edit(4, outputs=[{"output_type": "stream"}]), "not valid"),
        (lambda lesson: lesson.update(nbformat_minor=4), "4.5")],
}
CASES = [(rule, change, words) for rule, changes in BROKEN.items() for change, words in changes]


@pytest.mark.parametrize("change", KEPT.values(), ids=KEPT)
def test_a_correct_lesson_keeps_every_rule(change, public):
    lesson = tiny_lesson()
    change(lesson)
    assert [complaint for rule in form.RULES for complaint in rule(lesson, PATH)] == []


@pytest.mark.parametrize(("rule", "change", "words"), CASES,
                         ids=[f"{rule.__name__}-{words}" for rule, _, words in CASES])
def test_a_broken_lesson_is_named(rule, change, words, public):
    lesson = tiny_lesson()
    change(lesson)
    assert words in "\n".join(rule(lesson, PATH))


def test_a_file_name_without_a_number_is_named():
    assert form.file_name_is_number_and_snake_case(tiny_lesson(), PATH.with_name("Tiny lesson.ipynb"))


def test_every_rule_has_been_seen_to_fail():
    assert set(BROKEN) | {form.file_name_is_number_and_snake_case} == set(form.RULES)


# A copy that a learner has used ---------------------------------------------------------------------------

def solved(lesson):
    stub = next(cell for cell in lesson.cells if "# your code" in cell.source)
    stub.source = stub.source.replace("...  # your code", 'return images.astype("float32") / 255')


def with_own_cells(lesson):
    new = nbformat.v4.new_code_cell
    lesson.cells[3:3] = [new("%time 1 + 1"), new("1 / 0"), nbformat.v4.new_markdown_cell("# MY Notes")]
    lesson.cells += [new("half a line ("), new('open("/home/ada/x")')]


def asks_for_a_hint(lesson):
    lesson.cells.insert(13, nbformat.v4.new_code_cell('hint("0.1")'))


def cleared(lesson):
    for _, cell in form.cells(lesson, "code"):
        cell.update(outputs=[], execution_count=None)


def run_again_in_another_order(lesson):
    for count, (_, cell) in enumerate(reversed(form.cells(lesson, "code")), start=12):
        cell.update(execution_count=count, outputs=stream("stderr", "W0000 careful"))


def saved_by_another_editor(lesson):
    lesson.metadata.update(nbformat.from_dict({
        "kernelspec": {"name": "my-env", "display_name": ".venv (3.13)"}, "widgets": {"state": {}}, "vscode": {},
        "language_info": {"name": "python", "version": "3.13.1"}, "accelerator": "GPU"}))
    lesson.nbformat_minor = 0
    for cell in lesson.cells:
        cell.metadata.update(id=cell.pop("id"), executionInfo={"user": {"displayName": "Ada"}}, collapsed=True)


def tried_out(lesson):
    lesson.cells[2].source = lesson.cells[2].source.replace("import numpy as np", "import numpy as np, os")
    del lesson.cells[-1], lesson.cells[0]


USES = [solved, with_own_cells, cleared, run_again_in_another_order, saved_by_another_editor, tried_out]
USES_THAT_STILL_RUN = [solved, asks_for_a_hint, run_again_in_another_order, cleared, saved_by_another_editor]


def git(folder, *command):
    author = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", *author, *command], cwd=folder, capture_output=True, check=True, text=True).stdout


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """Return a folder with the course as it is here, but with the lessons that git holds, all in one commit."""
    if not lessons.in_git():
        pytest.skip("without git nobody can say what was committed")
    folder = tmp_path_factory.mktemp("mein Kurs – 神经") / "course"
    for name in git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")[:-1]:
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    for path in lessons.paths():
        (folder / "notebooks" / path.name).write_text(lessons.text(path), encoding="utf-8")
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=All")
    return folder


@pytest.fixture
def used(course, tmp_path):
    """Return a function that makes a used copy of the course and returns the path of its lesson 0."""
    def copy(*changes):
        folder = tmp_path / "used"
        shutil.copytree(course, folder)
        path = folder / "notebooks" / "00_start_here.ipynb"
        lesson = form.read(path)
        for change in changes:
            change(lesson)
        path.write_text(json.dumps(lesson, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        path.with_name("00_start_here-Copy1.ipynb").write_text("half a notebook", encoding="utf-8")
        return path

    return copy


@pytest.mark.parametrize("changes", [*((each,) for each in USES), USES], ids=lambda changes: changes[-1].__name__)
def test_what_a_learner_does_is_a_fault_of_the_file_alone(course, used, changes):
    path = used(*changes)
    assert any(rule(form.read(path), path) for rule in form.RULES)
    assert form.read_held(path) == form.read(course / "notebooks" / path.name)
    assert lessons.changed(path.parents[1]) == [path]


def test_a_change_that_was_added_to_git_is_tested(used):
    path = used(cleared)
    git(path.parent, "add", path.name)
    assert form.outputs_are_those_of_one_clean_run(form.read_held(path), path)


def test_a_course_inside_another_repository_is_not_in_git(used):
    root = used(solved).parents[1]
    (root / ".git").rename(root.parent / "renamed")
    git(root.parent, "init", "--quiet")
    assert not lessons.in_git(root)


@pytest.mark.parametrize(("in_git", "changes", "says"), [
    (True, USES, "changed since: 00_start_here\n"),
    (False, USES_THAT_STILL_RUN, "no git here to tell")], ids=["in git", "without git"])
def test_a_used_copy_passes(used, in_git, changes, says):
    path = used(*changes)
    root, before = path.parents[1], path.read_bytes()
    if not in_git:
        (root / ".git").rename(root.parent / "renamed")
    done = subprocess.run([sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", "--color=no",
                           "notebooks", "tests/notebooks/test_form.py", "-k", "00_start_here"],
                          cwd=root, env={name: value for name, value in os.environ.items() if "PYTEST" not in name},
                          capture_output=True, encoding="utf-8", errors="replace")
    assert done.returncode == 0 and says in done.stdout, done.stdout + done.stderr
    assert path.read_bytes() == before
