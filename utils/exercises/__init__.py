"""The exercises of the course: `check` an answer, ask for a `hint` or the `solution`."""

from utils.exercises.engine import Exercise, Mistake, check, hint, solution

__all__ = ["Exercise", "Mistake", "check", "hint", "solution"]
