"""The exercises of the course: `check` an answer, ask for a `hint` or the `solution`, see your `progress`."""

from utils.exercises.engine import Exercise, Mistake, check, hint, progress, solution

__all__ = ["Exercise", "Mistake", "check", "hint", "progress", "solution"]
