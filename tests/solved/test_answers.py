"""What the checks say of learners' answers, right and wrong, which were written before anybody looked at the checks."""

import time
from collections import Counter

import pytest

from tests.answers import answers
from utils.exercises import engine

ANSWERS = [each for number in engine.lessons() for each in answers(number)]
ACCEPTED = "✓"  # stands as the words of a wrong answer that passes, for no small case tells it from a right one
SECONDS = 5.0  # of the processor, for one check

each_exercise = pytest.mark.parametrize("exercise", [
    exercise for number in engine.lessons() for exercise in engine.lesson_module(number).EXERCISES],
    ids=lambda exercise: exercise.title)


def _told(exercise, right):
    """Yield each answer to the exercise with the verdict on it."""
    for answer in ANSWERS:
        if answer.identifier == exercise.identifier and answer.right == right:
            started = time.process_time()
            yield answer, engine.examine(exercise, answer.function())
            assert time.process_time() - started < SECONDS, answer.title


@each_exercise
def test_right_answers_are_accepted_however_they_are_written(exercise):
    refused = {answer.title: verdict.sentence for answer, verdict in _told(exercise, right=True) if verdict.mark != "✓"}
    assert refused == {}


@each_exercise
def test_wrong_answers_are_refused_and_told_what_they_are(exercise):
    missed = {}
    for answer, verdict in _told(exercise, right=False):
        refused = verdict.mark == "✗"
        if refused == (answer.words == ACCEPTED) or (refused and answer.words not in verdict.sentence):
            missed[answer.title] = verdict.sentence
    assert missed == {}


@each_exercise
def test_exercise_has_answers_of_all_sorts(exercise):
    mine = [each for each in ANSWERS if each.identifier == exercise.identifier]
    right, wrong = ([each.title for each in mine if each.right == right] for right in (True, False))
    assert right[:2] == ["loops", "ops"] and len(set(right)) == len(right) >= 5
    assert len(set(wrong)) == len(wrong) >= 25


def test_nearly_all_wrong_answers_are_refused_and_most_are_named():
    """Prints the counts by lesson: wrong answers, how many are refused, and how many are told what they are."""
    counts = Counter()
    for each in ANSWERS:
        if not each.right:
            kinds = ["wrong", *["refused"] * (each.words != ACCEPTED), *["named"] * (each.words not in ("", ACCEPTED))]
            counts.update((lesson, kind) for kind in kinds for lesson in (int(each.identifier.split(".")[0]), "all"))
    for lesson in [*engine.lessons(), "all"]:
        print(f"lesson {lesson}: {counts[lesson, 'wrong']} wrong answers, {counts[lesson, 'refused']} refused, "
              f"{counts[lesson, 'named']} named")
    assert counts["all", "refused"] >= 0.99 * counts["all", "wrong"]
    assert counts["all", "named"] >= 0.85 * counts["all", "wrong"]
