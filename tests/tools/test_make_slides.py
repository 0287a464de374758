"""Slides hold the core of each lesson, ask before they answer, and need no network."""

import functools
import re
from xml.etree import ElementTree

import nbformat
import pytest

from tools import lessons, make_slides
from tools.make_slides import first_sentences, main, page, slides, to_mathml
from tools.measure_notebook import notebooks

markdown, code = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell
LESSONS = {path.stem: nbformat.reads(lessons.text(path), as_version=4) for path in notebooks()}
every_lesson = pytest.mark.parametrize("lesson", LESSONS.values(), ids=LESSONS)
every_page = pytest.mark.parametrize("name", LESSONS)


@functools.cache
def page_of(name):
    """Return the page of a lesson without the bytes of its pictures."""
    return re.sub(r"data:image/png;base64,[^\"]+", "data:", page(LESSONS[name]))


def printed(text):
    return nbformat.v4.new_output("stream", text=text)


def picture(data="iVBORw0KGgo="):
    return nbformat.v4.new_output("display_data", {"image/png": data})


def lesson(*cells):
    return nbformat.v4.new_notebook(cells=[markdown("# 1 · Title\n\n**Why?**"), *cells])


def kinds(*cells):
    return [slide.kind for slide in slides(lesson(*cells))]


@every_lesson
def test_every_heading_of_the_core_has_a_slide(lesson):
    core = [cell.source for cell in lesson.cells
            if cell.cell_type == "markdown" and "further" not in cell.metadata.get("tags", [])]
    wanted = {heading.strip() for source in core for heading in re.findall(r"^#{1,3} (.+)", source, re.MULTILINE)}
    shown = {slide.heading for slide in slides(lesson)}
    silent = {heading for heading in wanted - shown if re.search(  # no sentence of its own: its parts have slides
        rf"^#+ {re.escape(heading)}\s+#", "\n".join(core), re.MULTILINE)}
    assert wanted - shown - silent <= {"Questions", "References", "Your map"}


@every_lesson
def test_every_prediction_of_the_core_has_a_slide_of_its_own(lesson):
    core = "\n\n".join(cell.source for cell in lesson.cells if "further" not in cell.metadata.get("tags", []))
    asked = [slide for slide in slides(lesson) if slide.kind == "predict"]
    assert len(asked) == core.count("**Predict")
    assert not any(slide.picture or slide.code for slide in asked)


@every_page
def test_the_page_loads_nothing(name):
    tags = re.findall(r"<(?:img|script|link|iframe|source|video)\b[^>]*>", page_of(name))
    assert [tag for tag in tags if re.search(r'(?:src|href)="(?!data:)', tag)] == []
    assert "@import" not in page_of(name) and "url(" not in page_of(name)


@every_page
def test_every_equation_becomes_mathml(name):
    body = re.search(r"<body>(.*)<script>", page_of(name), re.DOTALL)[1]
    equations = re.findall(r"<math.*?</math>", body, re.DOTALL)
    for equation in equations:
        ElementTree.fromstring(equation)  # an & left over would be no XML
    assert [equation for equation in equations if "\\" in equation] == []  # a command that latex2mathml does not know
    assert "$" not in re.sub(r"<math.*?</math>|<code>.*?</code>|<pre.*?</pre>", "", body, flags=re.DOTALL)


def test_what_goes_further_has_no_slide():
    tags = {"tags": ["further"]}
    assert kinds(markdown("## Going further: x\n\nMore.", metadata=tags),
                 code("x", outputs=[picture()], metadata=tags)) == ["title"]


def test_code_is_shown_of_a_whole_model_only():
    model = "class VAE(keras.Model):\n    def call(self, images):\n        return images"
    made = slides(lesson(code("x = 1"), code(model), code("class Pair(NamedTuple):\n    x: int")))
    assert [slide.code for slide in made if slide.code] == [model]


def test_what_is_printed_is_shown_after_a_prediction_only():
    made = slides(lesson(code("a", outputs=[printed("before\n")]), markdown("**Predict:** which?"),
                         code("b", outputs=[printed("one\n")]), code("c", outputs=[printed("two\n")]),
                         code("d", outputs=[picture()]), code("e", outputs=[printed("after\n")])))
    assert [slide.kind for slide in made] == ["title", "predict", "answer", "picture"]
    assert made[2].code == "one\ntwo"


def test_a_picture_has_the_first_sentence_of_its_notice():
    made = slides(lesson(code("x", outputs=[picture("QUFB\nQkJC")]), markdown("*Notice:* it rises. Then it falls.")))
    assert (made[-1].picture, made[-1].text) == ("QUFBQkJC", "It rises.")


def test_an_exercise_says_what_its_function_returns():
    stub = 'def f(x):\n    """Return x\n    twice."""\n    ...  # your code\n\nf = check("1.1", f)'
    assert slides(lesson(code(stub)))[-1][:3] == ("exercise", "Exercise 1.1", "Return x twice.")


def test_of_a_list_each_item_has_its_first_sentence():
    made = slides(lesson(markdown("## Six\n\nTwo changes. Here. They follow.\n\n1. **One.** Long.\n2. Two. Long.")))
    assert made[-1].text == "Two changes. Here.\n\n1. **One.**\n2. Two."


def test_key_points_are_the_last_slide():
    assert kinds(markdown("## Key points\n\n- One.\n\n## Questions\n\n**1.** Why?\n\n## References\n\n- A book.")) == [
        "title", "points"]


@pytest.mark.parametrize(("text", "expected"), [
    ("It was found by Kingma et al. (2014). Now more.", "It was found by Kingma et al. (2014)."),
    ("With $a = 1. B$ it ends. More.", "With $a = 1. B$ it ends."),
    ("One (two. Three) four. Five.", "One (two. Three) four."),
    ("No end", "No end")])
def test_sentences_end_where_a_reader_sees_an_end(text, expected):
    assert first_sentences(text, 1) == expected


def test_lines_of_an_equation_are_rows_of_a_table():
    tree = ElementTree.fromstring(to_mathml(r"\begin{aligned} a &= b \\ &= c \end{aligned}", display="block"))
    assert len([element for element in tree.iter() if element.tag.endswith("}mtr")]) == 2


@pytest.mark.parametrize(("equation", "letter"), [
    (r"\mathbb E", "𝔼"), (r"\mathbb R", "ℝ"), (r"\mathcal N", "𝒩"), (r"\mathcal E", "ℰ"), (r"\mathbf x", "𝐱")])
def test_letters_of_other_alphabets_are_characters(equation, letter):
    assert f"<mi>{letter}</mi>" in to_mathml(equation)


def test_upright_letters_stay_upright():
    assert 'mathvariant="normal">K' in to_mathml(r"\mathrm{KL}") or "<mi>KL</mi>" in to_mathml(r"\mathrm{KL}")


def test_the_command_writes_a_page_for_a_lesson(tmp_path, monkeypatch):
    monkeypatch.setattr(make_slides, "ROOT", tmp_path)
    monkeypatch.setattr(make_slides, "FOLDER", tmp_path / "slides")
    main(["--lesson", "6"])
    assert [path.name for path in (tmp_path / "slides").iterdir()] == ["06_variational_autoencoders.html"]
