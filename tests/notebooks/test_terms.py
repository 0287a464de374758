"""No lesson uses a technical term before the lesson that introduces it: terms.txt says which one that is."""

import re
from pathlib import Path

import pytest

from tests.notebooks import form
from tools import lessons

NOTEBOOKS = {path.stem[:2]: path for path in lessons.paths()}
LINES = [line for line in (Path(__file__).parent / "terms.txt").read_text(encoding="utf-8").splitlines()
         if line and not line.startswith("#")]
TERMS = {line[:2]: line[4:].split("; ") for line in LINES}


def read_by_a_learner(notebook):
    """Return the prose without code, links' targets, references, and the outlook on the next lesson; in lower case."""
    text = "\n".join(line for _, line in form.prose(notebook))
    text = re.sub(r"## References.*|^\*Next:\*.*$", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`]*`|\]\([^)]*\)", "", text).lower()


def uses(text, term):
    return re.search(rf"(?<![\w-]){re.escape(term.lower())}(?:s|es)?(?![\w-])", text)


@pytest.mark.of_a_commit
@pytest.mark.parametrize("number", NOTEBOOKS)
def test_lesson_uses_no_term_of_a_later_one(number):
    text = read_by_a_learner(form.read_held(NOTEBOOKS[number]))
    early = {term: later for later, terms in TERMS.items() if later > number for term in terms if uses(text, term)}
    assert not early, f"lesson {number} uses terms that a later lesson introduces: {early}"


@pytest.mark.of_a_commit
@pytest.mark.parametrize("number", TERMS)
def test_lesson_uses_the_terms_that_it_introduces(number):
    text = read_by_a_learner(form.read_held(NOTEBOOKS[number]))
    assert not [term for term in TERMS[number] if not uses(text, term)]


def test_a_term_used_too_early_is_found():
    notebook = form.read_held(NOTEBOOKS["06"])
    assert uses(read_by_a_learner(notebook), "ELBO") and not uses("the elbow", "ELBO") and uses("two elbos", "ELBO")
