"""What differs between the expected answer and the one that came, and how values look in a message."""

import inspect
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

SHOWN_IN_FULL = 12  # numbers of an array; of a larger one, shape and range are shown
INTEGER = "an integer type"
LARGEST = 10**7  # numbers of an array that are looked at; of a larger one, only the shape is told
KINDS = {"b": "bool", "i": INTEGER, "u": INTEGER, "f": "a floating type", "c": "a complex type"}


class Fact(str):
    """The name of a part of what is observed that answers a question, and the sentence to say where it is wrong.

        {Fact("does the same seed give the same noise?", "the same seed gives other noise at each call."): True, …}

    The reference's dict must hold it too, for only parts that both have are compared.
    """

    def __new__(cls, question: str, otherwise: str):
        fact = super().__new__(cls, question)
        fact.otherwise = otherwise
        return fact


@dataclass(frozen=True)
class Difference:
    """How an answer differs from the expected one: a sentence, and the two values, or the part of them that differs.

    Args:
        values_agree: shape and numbers are right, and only the type is not.
        of_form: kind or shape are not those that are wanted, whatever the numbers are.
        is_empty: None or `...` came back.
    """

    sentence: str
    expected: Any
    came: Any
    part: str = ""
    values_agree: bool = False
    of_form: bool = False
    is_empty: bool = False


def difference(expected, came, tolerance: float, dtype: str | None = None,
               part: str = "") -> Difference | None:
    """Return the first difference that matters, or None. A type matters less than any value.

    All that NumPy can read is welcome: arrays, tensors, variables, numbers, lists. Dicts and sequences are
    compared part by part, and `part` is the name of the one at hand. Where the name is a `Fact`, its sentence is told.
    """
    def differ(sentence, **kind):
        return Difference(sentence, expected, came, part, **kind)

    if came is None and expected is not None:
        return differ("None came back. Is the `return` missing?", is_empty=True)
    if came is ...:
        return differ("`...` came back: a place for your code is still empty.", is_empty=True)
    if isinstance(expected, (Mapping, tuple, list)):
        pairs = _pair_up(expected, came)
        if pairs is None:
            return differ(f"{kind_of(came)} came back, but {kind_of(expected)} is wanted.", of_form=True)
        found = [difference(ours, theirs, tolerance, dtype, name if not part else f"{part}: {name}")
                 for name, ours, theirs in pairs]
        return min(filter(None, found), key=lambda each: each.values_agree, default=None)
    ours, theirs = as_numbers(expected), as_numbers(came)
    if isinstance(part, Fact):
        return None if np.array_equal(ours, theirs) else differ(part.otherwise)
    if theirs is None and (ours is not None or hasattr(expected, "shape")) and not hasattr(came, "shape"):
        return differ(f"{kind_of(came)} came back, but {kind_of(expected)} is wanted.", of_form=True)
    if ours is None or theirs is None:  # words, an object that is no number, a tensor without values
        same = type(expected) is type(came) if hasattr(expected, "shape") else np.array_equal(expected, came)
        return None if same else differ("the answer is not right yet.")
    if wrong := _wrong_shape(ours, theirs, tolerance):
        return differ(wrong, of_form=True)
    if wrong := _wrong_values(ours, theirs, tolerance):
        return differ(wrong)
    if wrong := _wrong_type(ours, theirs, came, dtype):
        return differ(wrong, values_agree=True)
    return None


def evidence_of(found: Difference, tolerance: float) -> list[tuple[str, str]]:
    """Return what came back and what was expected as (label, value), with the digits that tell them apart."""
    came, expected, places = found.came, found.expected, []
    if isinstance(found.part, Fact):
        return []
    ours, theirs = as_numbers(expected), as_numbers(came)
    if ours is not None and theirs is not None and ours.shape == theirs.shape and ours.size > SHOWN_IN_FULL:
        places = [tuple(map(int, place)) for place in np.argwhere(~close(ours, theirs, tolerance))]
    first = (theirs[places[0]], ours[places[0]]) if places else (came, expected)
    digits = 4
    while digits < 16 and not found.values_agree and len({describe(value, digits) for value in first}) == 1:
        digits *= 2
    rows = [("compared", found.part)] if found.part else []
    for label, value in (("came back", came), ("expected", expected)):
        rows.append((label, describe(value, digits) + f" of type {_type_of(value)}" * found.values_agree))
    if places:
        rows.append((f"at {list(places[0])}", f"{describe(first[0], digits)} instead of {describe(first[1], digits)}; "
                                              f"{len(places):,} of {ours.size:,} numbers differ"))
    return rows


def describe(value, digits: int = 4, depth: int = 0) -> str:
    """Return a value in a line: small arrays in full, rounded; of large ones type, shape and range."""
    if isinstance(value, (Mapping, tuple, list)) and (depth > 3 or (len(value) > 100 and as_numbers(value) is None)):
        return kind_of(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {describe(part, digits, depth + 1)}" for key, part in value.items()) + "}"
    numbers = as_numbers(value)
    if numbers is None:
        if isinstance(value, (tuple, list)):
            return "(" + ", ".join(describe(part, digits, depth + 1) for part in value) + ")"
        return reprlib.repr(value) if value is None or isinstance(value, (str, bytes)) else kind_of(value)
    if numbers.size > SHOWN_IN_FULL or numbers.size == 0:
        finite = numbers[np.isfinite(numbers)] if numbers.size <= LARGEST else numbers[:0]
        text = f"{_type_of(value)} of shape {numbers.shape}"
        if finite.size:
            text += f", values {_in_full(finite.min(), digits)} to {_in_full(finite.max(), digits)}"
        return text
    integers = hasattr(value, "dtype") and numbers.dtype.kind in "iu"
    return f"{_type_of(value)} " * integers + _in_full(numbers, digits)


def _in_full(numbers: np.ndarray, digits: int) -> str:
    """Return all numbers in nested brackets, each with so many significant digits."""
    if numbers.ndim:
        return f"[{', '.join(_in_full(part, digits) for part in numbers)}]"
    return str(float(f"{numbers:.{digits}g}")) if numbers.dtype.kind == "f" else str(numbers)


def _pair_up(expected, came) -> list[tuple[str, Any, Any]] | None:
    """Return (name, expected part, part that came); None if the two do not have the same parts."""
    if isinstance(expected, Mapping):
        observed = any(isinstance(name, Fact) for name in expected)  # where one fact fails, others may be out of reach
        if not isinstance(came, Mapping) or (set(came) != set(expected) and not observed):
            return None
        return [(name, part, came[name]) for name, part in expected.items() if name in came] or None
    is_sequence = isinstance(came, (tuple, list)) or getattr(came, "ndim", 0) > 0
    if not is_sequence or len(came) != len(expected):
        return None
    names = [f"number {count} of {len(expected)}" for count in range(1, len(expected) + 1)]
    return list(zip(getattr(expected, "_fields", names), expected, came))


def as_numbers(value) -> np.ndarray | None:
    """Return the value as an array of float64, integers or bools; None if it is no numbers."""
    try:
        array = np.asarray(value)
        if array.dtype.kind in "OUSMm":
            return None
        return array if array.dtype.kind in "biuc" or array.size > LARGEST else array.astype(np.float64)
    except Exception:  # ragged lists, symbolic tensors, whatever a learner may come up with
        return None


def close(ours, theirs, tolerance) -> np.ndarray:
    return np.isclose(theirs, ours, rtol=tolerance, atol=tolerance, equal_nan=True)


def equal(ours, theirs, tolerance: float = 1e-4) -> bool:
    """Return whether two values are the same numbers in the same shape."""
    ours, theirs = as_numbers(ours), as_numbers(theirs)
    return theirs is not None and ours.shape == theirs.shape and bool(close(ours, theirs, tolerance).all())


def _wrong_shape(ours, theirs, tolerance) -> str | None:
    if ours.shape == theirs.shape:
        return None
    came, wanted = (f"shape {shape}" if shape else "a single number" for shape in (theirs.shape, ours.shape))
    same = ours.size == theirs.size and close(ours.ravel(), theirs.ravel(), tolerance).all()
    return f"{came} came back, but {wanted} is wanted." + " The numbers themselves are right." * bool(same)


def _wrong_values(ours, theirs, tolerance) -> str | None:
    if close(ours, theirs, tolerance).all():
        return None
    for name, spoiled in (("NaN", np.isnan(theirs)), ("infinite", np.isinf(theirs))):
        count = int((spoiled & np.isfinite(ours)).sum())
        if count:
            which = f"{count:,} of {ours.size:,} numbers are" if ours.size > 1 else "the number is"
            return f"{which} {name}."
    if theirs.dtype.kind in "biu" and ours.dtype.kind == "f":
        return f"the values are not right yet. They are of type {theirs.dtype}, which has no fractions."
    return "the values are not right yet." if ours.size > 1 else "the value is not right yet."


def _wrong_type(ours, theirs, came, dtype) -> str | None:
    if dtype is not None:
        wanted, right = dtype, _type_of(came) == dtype
    else:  # a list, or a single number, has no type that could do harm later
        wanted = KINDS[ours.dtype.kind]
        right = not hasattr(came, "dtype") or ours.ndim == 0 or KINDS[theirs.dtype.kind] == wanted
    return None if right else f"the values are right, but of type {_type_of(came)}; {wanted} is wanted."


def _type_of(value) -> str:
    return np.asarray(value).dtype.name if hasattr(value, "dtype") else type(value).__name__


def kind_of(value) -> str:
    """Return what sort of thing a value is, for a sentence."""
    if isinstance(value, Mapping):
        return f"a dict with the keys {', '.join(map(str, value))}"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    if inspect.isroutine(value):
        return "a function"
    numbers = as_numbers(value)
    if numbers is None and hasattr(value, "shape"):
        return "a tensor"
    if numbers is not None:
        return f"an array of shape {numbers.shape}" if numbers.ndim else "a single number"
    name = next(kind.__name__ for kind in type(value).__mro__ if kind.__name__[0] != "_")  # else an exercise's own
    if name == "object" and callable(value):
        return "a function"
    return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"
