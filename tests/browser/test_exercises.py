"""A reader solves an exercise in one notebook, and finds it on the map in another."""

import pytest

from tests.browser.jupyterlab_page import PATIENCE
from utils.lesson_01.exercises import EXERCISES

FIRST = EXERCISES[0]  # lesson 1's neuron


@pytest.fixture(scope="module")
def lesson(open_notebook):
    """Open lesson 1 and run what stands above its first exercise, and the exercise as it is."""
    lesson = open_notebook("01")
    lesson.exercise = lesson.find(f'check("{FIRST.identifier}"')
    lesson.select(lesson.exercise)
    lesson.choose("Run", "Run All Above Selected Cell")
    lesson.wait_until(lambda: lesson.count_of(lesson.code[1]) and not lesson.is_running, PATIENCE, "Cells above run")
    lesson.select(lesson.exercise)
    lesson.run_cell()
    return lesson


@pytest.fixture(scope="module")
def map_of_lesson_0(open_notebook):
    """Return a function that runs the cell of lesson 0's map and returns what it then says."""
    start = open_notebook("00")
    start.run_all(10 * PATIENCE)

    def run():
        index = start.find("progress()")
        start.select(index)
        start.run_cell()
        return start.text(index)

    run.page = start.page
    return run


def test_an_exercise_is_open_at_first(lesson, map_of_lesson_0):
    assert lesson.text(lesson.exercise).startswith(f"○ {FIRST.title}")
    assert f"○ {FIRST.title}" in map_of_lesson_0()


def test_a_wrong_answer_is_marked_and_its_mistake_named(lesson, map_of_lesson_0, screenshot):
    lesson.answer(lesson.exercise, "return inputs @ weights")
    assert lesson.text(lesson.exercise).startswith(f"✗ {FIRST.title}: the bias is forgotten")
    screenshot(lesson.page, "01_exercise_wrong")
    assert f"✗ {FIRST.title}" in map_of_lesson_0()


def test_a_right_answer_turns_to_a_tick_here_and_on_the_map(lesson, map_of_lesson_0, screenshot):
    lesson.answer(lesson.exercise, "return inputs @ weights + bias")
    assert lesson.text(lesson.exercise).startswith(f"✓ {FIRST.title}")
    screenshot(lesson.page, "01_exercise_right")
    assert f"✓ {FIRST.title}" in map_of_lesson_0()
    screenshot(map_of_lesson_0.page, "00_map")
