"""What a reader does with the site: searches, predicts, opens answers, takes a notebook along."""

import re
from pathlib import Path

import nbformat
import pytest

from tests.site.test_pages import LESSONS
from tests.site.visit import OPEN_ALL
from tools import build_site, write_badges
from tools.site import ladder, lessons, sphinx_parts, texts
from tools.write_badges import ROOT

VAE = "lessons/06_variational_autoencoders"


def test_search_finds_a_term_and_opens_it(page):
    reader = page("index")
    reader.keyboard.press("Control+k")
    reader.keyboard.type("reparameterisation")
    reader.keyboard.press("Enter")
    result = reader.locator("#search-results li a").filter(has_text="Variational autoencoders").first
    result.click()  # it waits for the result: they come one after the other
    reader.wait_for_load_state()
    assert "reparameterisation" in reader.locator("article").inner_text().lower()


def test_site_works_from_a_stick(page):
    reader = page((build_site.HTML / f"{VAE}.html").as_uri())
    assert reader.evaluate("document.fonts.check('16px KaTeX_Main') && [...document.images].length > 5")
    reader.goto((build_site.HTML / "search.html").as_uri() + "?q=reparameterisation")
    reader.locator("#search-results li a").first.wait_for()


def test_answers_are_folded_until_asked_for_and_open_together(page):
    reader = page(VAE)
    group = reader.locator(".tag_prediction-2 details, details.prediction-2")
    assert group.count() >= 3  # outputs, and what to notice
    assert not any(group.evaluate_all("all => all.map(each => each.open)"))
    reader.locator(".tag_prediction-2 summary").first.click()
    reader.wait_for_function("[...document.querySelectorAll('.tag_prediction-2 details, details.prediction-2')]"
                             ".every(each => each.open)")
    other = reader.locator(".tag_prediction-1 details, details.prediction-1")
    assert not any(other.evaluate_all("all => all.map(each => each.open)"))


def test_one_button_opens_all_answers(page):
    reader = page(VAE)
    reader.get_by_role("button", name="Open all answers").click()
    assert reader.evaluate("[...document.querySelectorAll('article details')].every(each => each.open)")


def test_a_button_copies_code(page):
    reader = page(VAE)
    reader.context.grant_permissions(["clipboard-read", "clipboard-write"])
    block = reader.locator(".cell_input .highlight").first
    block.locator("button").focus()
    reader.keyboard.press("Enter")
    block.get_by_text("Copied").wait_for()
    assert reader.evaluate("navigator.clipboard.readText()").startswith("from utils.runtime import start")


def test_no_line_begins_with_the_mark_after_a_formula(page):
    reader = page(VAE, viewport={"width": 390, "height": 900})
    reader.evaluate(OPEN_ALL)
    apart = reader.evaluate("""() => [...document.querySelectorAll(".with-mark")].filter(each => {
      const range = document.createRange();
      range.selectNode(each.lastChild);
      const formula = [...each.querySelectorAll(".katex-base")].at(-1).getBoundingClientRect();
      return range.getBoundingClientRect().left < formula.right - 3;
    }).map(each => each.textContent)""")
    assert reader.locator(".with-mark").count() > 10 and not apart


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_follows_the_readers_colours(page, scheme):
    colour = page(VAE, color_scheme=scheme).evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(map(int, re.findall(r"\d+", colour)[:3])) / 3
    assert brightness > 200 if scheme == "light" else brightness < 60


@pytest.mark.parametrize("name", LESSONS)
def test_download_is_the_notebook_itself(page, name):
    reader = page(name)
    with reader.expect_download() as download:
        reader.get_by_text("Download this notebook").click()
    notebook = ROOT / "notebooks" / f"{Path(name).name}.ipynb"
    assert Path(download.value.path()).read_bytes() == notebook.read_bytes()


@pytest.mark.parametrize("lesson", lessons.lessons(), ids=lambda lesson: lesson.number)
def test_page_of_a_lesson_keeps_what_a_reader_needs(lesson):
    shown = lessons.page(lesson)
    code = [cell for cell in shown.cells if cell.cell_type == "code"]
    assert len(code) == sum(cell.cell_type == "code" for cell in lesson.notebook.cells) - 1  # the set-up
    assert any("exercise" in cell.metadata.get("tags", []) for cell in code)
    assert not any("not attempted" in str(cell.outputs) or "widget-view" in str(cell.outputs) for cell in code)
    pictures = [sum("image/png" in output.get("data", {}) for cell in cells for output in cell.get("outputs", []))
                for cells in (shown.cells, lesson.notebook.cells)]
    assert pictures[0] == pictures[1]


def test_page_does_not_change_the_notebook():
    lesson = lessons.lessons()[6]
    before = str(lesson.notebook)
    lessons.page(lesson)
    assert str(lesson.notebook) == before


def made_up(*cells):
    """Return a `Lesson` of markdown (text) and code (text, output) cells, after a title cell."""
    title = nbformat.v4.new_markdown_cell("# 6 · Title\n\n**Why?**\n\nabout 9 seconds")
    made = [nbformat.v4.new_markdown_cell(each) if isinstance(each, str) else nbformat.v4.new_code_cell(
        each[0], outputs=[nbformat.v4.new_output("stream", text=each[1])]) for each in cells]
    notebook = nbformat.v4.new_notebook(cells=[title, *made])
    return lessons.Lesson(Path("06_title.ipynb"), notebook, "6 · Title", "Why?", seconds=9, core=1, whole=2)


def test_only_what_answers_a_prediction_is_folded():
    shown = lessons.page(made_up(("1", "before"), "**Predict:** 2?", ("2", "answer"), "*Notice:* yes.\n\nOn we go.",
                                 ("3", "after"))).cells
    assert [place for place, cell in enumerate(shown) if "hide-output" in cell.metadata.get("tags", [])] == [3]
    assert re.search(r"<details.*\*Notice:\* yes\.\n\n</details>\n\nOn we go\.", shown[4].source, re.DOTALL)


def test_what_goes_on_about_an_answer_is_folded_with_it():
    notice = "*Notice:* yes.\n\n- One.\n\nMore of it."
    cells = "**Predict:** 2?", ("2", "answer"), f"{notice}\n\nNext."
    before_code, at_the_end = (lessons.page(made_up(*cells, after)).cells[3] for after in (("3", "after"), "## Next"))
    assert before_code.source.endswith("- One.\n\nMore of it.\n\n</details>\n\nNext.")
    assert at_the_end.source.endswith("More of it.\n\nNext.\n\n</details>")


@pytest.mark.parametrize("gap", ["\n\n", None], ids=["in the same cell", "in the next cell"])
def test_an_answer_in_words_ends_the_prediction(gap):
    question, answer = "**Predict:** 2?", "<details><summary>Answer</summary>\nYes.\n</details>"
    cells = [f"{question}{gap}{answer}"] if gap else [question, answer]
    assert "hide-output" not in lessons.page(made_up(*cells, ("2", "two"))).cells[-1].metadata.get("tags", [])


def test_term_is_found_where_it_is_introduced():
    lesson = made_up("## First\n\nThe mode is used.", "## Second\n\nThis is a **mode**.")
    assert lessons.section_of(lesson, "mode") == ("Second", "second")
    assert lessons.section_of(lesson, "model") is None


@pytest.mark.parametrize(("owner", "file"), [
    ("Ada", "[b](https://github.com/Ada/course/blob/main/tools/grade.py)"), ("OWNER", "`b`")])
def test_links_of_texts_lead_to_pages_or_to_a_public_repository(monkeypatch, owner, file):
    monkeypatch.setattr(texts, "address", lambda: (f"https://github.com/{owner}/course", "main"))
    text = texts.with_links("[a](TEACHING.md#plans) [b](tools/grade.py) [c](#here) [d](notebooks/01_neurons.ipynb)")
    assert text == f"[a](instructors.md#plans) {file} [c](#here) [d](lessons/01_neurons.ipynb)"


@pytest.mark.parametrize("owner", ["Ada", "OWNER"])
def test_title_has_a_button_for_colab_where_the_course_has_an_address(owner):
    made = made_up()
    badge = write_badges.badge("06_title.ipynb", f"https://github.com/{owner}/course", "main")
    made.notebook.cells[0].source += f"\n\n{badge}"
    text = lessons.page(made).cells[0].source
    assert ("https://colab.research.google.com/github/Ada/course/blob/main/notebooks/06_title.ipynb" in text) == (
        owner == "Ada")
    assert "colab-badge.svg" not in text and "course.py badges" not in text and "Download this notebook" in text


def test_ladder_climbs_and_holds_the_lessons_own_figures():
    rungs = {rung.name: nats for rung, nats in ladder.climbed(lessons.lessons())}
    assert list(rungs.values()) == sorted(rungs.values(), reverse=True)
    assert rungs["784 fair coins"] == -543.4  # −784 ln 2
    assert rungs["VAE with 2 latents"] > rungs["VAE with 2 latents, its ELBO"]


def test_a_rung_that_no_lesson_prints_is_named():
    course = lessons.lessons()
    course[6] = made_up()
    with pytest.raises(ValueError, match="lesson 06 has no number after '✓ test ELBO"):
        ladder.climbed(course)


def test_glossary_has_each_term_once():
    terms = [term for term, *_ in texts.glossary_entries()]
    assert 80 <= len(terms) == len(set(terms))


def test_formula_is_set_for_eye_and_ear():
    html = sphinx_parts.formula(r"\tfrac12 x", display=False)
    assert '<span class="katex">' in html and "<mfrac>" in html
    with pytest.raises(sphinx_parts.JSEvalException):
        sphinx_parts.formula(r"\nosuchcommand", display=False)
