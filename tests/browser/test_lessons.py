"""Lessons in a real browser, run from top to bottom by a reader who then moves every control."""

import os

import pytest

from tests.browser.jupyterlab_page import PATIENCE, SECONDS

LESSONS = [os.environ["LESSON"]] if os.environ.get("LESSON") else ["00", "01", "04", "06", "08"]
LONGEST = 3000  # seconds for one lesson: many times what it takes alone, as the machine may be shared
ACT_LATER = "generator, 10^", "discriminator, 10^"  # lesson 8's learning rates: the next step of the game uses them
PICTURES = ".jp-OutputArea-output img"
EXPLORER, EXPLORERS_PICTURE = ".jupyter-widgets.widget-vbox", "img.widget-image"


@pytest.fixture(scope="module", params=LESSONS)
def lesson(request, open_notebook, screenshot):
    """Open a lesson, run it, and note in `seen_in_training` which pictures its live view showed on the way."""
    lesson = open_notebook(request.param)
    lesson.number, lesson.seen_in_training = request.param, []
    lesson.training = next((index for index in lesson.code if "view=view" in lesson.source(index)), None)

    def watch():
        if lesson.training is None or lesson.count_of(lesson.training):
            return  # nothing to see, or it has ended
        lesson.scroll_to(lesson.training)
        seen, pictures = lesson.seen_in_training, lesson.cell(lesson.training).locator(PICTURES)
        if pictures.count():
            shown = hash(pictures.first.get_attribute("src"))
            if shown not in seen:
                seen.append(shown)
                if len(seen) == 3:
                    screenshot(lesson.page, f"{lesson.number}_in_training")

    lesson.run_all(LONGEST, at_every_look=watch)
    yield lesson
    lesson.close()


def test_no_cell_fails(lesson):
    assert lesson.errors() == []
    assert lesson.counts() == list(range(1, len(lesson.code) + 1))


def test_the_live_view_redraws_while_the_model_trains(lesson):
    if lesson.training is None:
        pytest.skip("this lesson has no live view")
    assert len(lesson.seen_in_training) >= 3


def test_every_control_of_every_explorer_changes_its_picture(lesson, screenshot):
    moved = []
    for index in filter(lesson.has_widget, lesson.code):
        explorer = lesson.show(index).locator(EXPLORER).first
        picture = explorer.locator(EXPLORERS_PICTURE)
        picture.wait_for()
        assert picture.evaluate("image => image.naturalWidth") > 600
        for row in explorer.locator(".widget-hslider").all():
            name, handle = row.locator(".widget-label").inner_text(), row.locator(".noUi-handle")
            if name in ACT_LATER:
                lesson.drag(handle)
            else:
                changes(lesson, picture, lambda handle=handle: lesson.drag(handle), f"cell {index}, slider {name!r}")
            moved.append(name)
        for button in explorer.locator("button").all():
            changes(lesson, picture, button.click, f"cell {index}, button {button.inner_text()!r}")
        picture.scroll_into_view_if_needed()
        screenshot(lesson.page, f"{lesson.number}_explorer_in_cell_{index}")
    assert moved or "explorers." not in "".join(map(lesson.source, lesson.code))


def test_a_button_that_moves_sliders_is_not_undone_by_what_the_browser_sends_back(lesson):
    if lesson.number != "01":
        pytest.skip("this lesson has no such button")
    explorer = lesson.show(lesson.find("explorers.neuron_explorer")).locator(EXPLORER).first
    for name in "20 steps downhill", "start at zero":  # the second before the browser has shown the first
        explorer.get_by_text(name, exact=True).click()
    first_three = explorer.locator(".widget-readout").all()[:3]
    lesson.page.wait_for_timeout(2 * SECONDS)  # nothing tells when the browser has nothing more to send
    lesson.wait_until(lambda: not lesson.is_running, PATIENCE, "The kernel rests")
    assert [readout.inner_text() for readout in first_three] == ["0.00"] * 3


def changes(lesson, picture, act, control):
    """Use a control, and wait until the kernel rests and the picture is another one than before."""
    before = picture.get_attribute("src")
    act()
    lesson.wait_until(lambda: picture.get_attribute("src") != before and not lesson.is_running, PATIENCE,
                      f"{control}: the picture changes")
