"""What differs between the expected answer and the one that came, and how values look in a message."""

import inspect
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

SHOWN_IN_FULL = 12  # numbers of an array; of a larger one, shape and range are shown
INTEGER = "an integer type"
KINDS = {"b": "bool", "i": INTEGER, "u": INTEGER, "f": "a floating type", "c": "a complex type"}


@dataclass(frozen=True)
class Difference:
    """How an answer differs from the expected one.

    Args:
        sentence: what is wrong, as the end of a sentence that begins with the exercise's name.
        expected, came: the two values, or the part of them that differs.
        part: name of that part; "" where there is but one.
        values_agree: shape and numbers are right, and only the type is not.
    """

    sentence: str
    expected: Any
    came: Any
    part: str = ""
    values_agree: bool = False


def difference(expected, came, tolerance: float, dtype: str | None = None,
               part: str = "") -> Difference | None:
    """Return the first difference that matters, or None. A type matters less than any value.

    All that NumPy can read is welcome: arrays, tensors, variables, numbers, lists. Dicts and sequences are
    compared part by part, and `part` is the name of the one at hand.
    """
    def differ(sentence, values_agree=False):
        return Difference(sentence, expected, came, part, values_agree)

    if came is None and expected is not None:
        return differ("None came back." if part else "None came back. Is the `return` missing?")
    if came is ...:
        return differ("`...` came back: a place for your code is still empty.")
    if isinstance(expected, (Mapping, tuple, list)):
        pairs = _pair_up(expected, came)
        if pairs is None:
            return differ(f"{kind_of(came)} came back, but {kind_of(expected)} is wanted.")
        found = [difference(ours, theirs, tolerance, dtype, f"{part}{': ' * bool(part)}{name}")
                 for name, ours, theirs in pairs]
        return min(filter(None, found), key=lambda each: each.values_agree, default=None)
    ours, theirs = _as_numbers(expected), _as_numbers(came)
    if ours is None:  # words, or an object that is no number
        return None if np.array_equal(expected, came) else differ("the answer is not right yet.")
    if theirs is None:
        return differ(f"{kind_of(came)} came back, but {kind_of(expected)} is wanted.")
    if wrong := _wrong_shape(ours, theirs, tolerance) or _wrong_values(ours, theirs, tolerance):
        return differ(wrong)
    if wrong := _wrong_type(ours, theirs, came, dtype):
        return differ(wrong, values_agree=True)
    return None


def evidence_of(found: Difference, tolerance: float) -> list[tuple[str, str]]:
    """Return what came back and what was expected as (label, value), with the digits that tell them apart."""
    came, expected, places = found.came, found.expected, []
    ours, theirs = _as_numbers(expected), _as_numbers(came)
    if ours is not None and theirs is not None and ours.shape == theirs.shape and ours.size > SHOWN_IN_FULL:
        places = [tuple(map(int, place)) for place in np.argwhere(~_close(ours, theirs, tolerance))]
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


def describe(value, digits: int = 4) -> str:
    """Return a value in a line: small arrays in full, rounded; of large ones type, shape and range."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {describe(part, digits)}" for key, part in value.items()) + "}"
    numbers = _as_numbers(value)
    if numbers is None:
        if isinstance(value, (tuple, list)) and not isinstance(value, str):
            return "(" + ", ".join(describe(part, digits) for part in value) + ")"
        return reprlib.repr(value) if value is None or isinstance(value, (str, bytes)) else kind_of(value)
    if numbers.size > SHOWN_IN_FULL or numbers.size == 0:
        finite = numbers[np.isfinite(numbers)]
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
        if not isinstance(came, Mapping) or set(came) != set(expected):
            return None
        return [(str(name), part, came[name]) for name, part in expected.items()]
    is_sequence = isinstance(came, (tuple, list)) or getattr(came, "ndim", 0) > 0
    if not is_sequence or len(came) != len(expected):
        return None
    names = [f"number {count} of {len(expected)}" for count in range(1, len(expected) + 1)]
    return list(zip(getattr(expected, "_fields", names), expected, came))


def _as_numbers(value) -> np.ndarray | None:
    """Return the value as an array of float64, integers or bools; None if it is no numbers."""
    try:
        array = np.asarray(value)
        if array.dtype.kind in "OUSMm":
            return None
        return array if array.dtype.kind in "biuc" else array.astype(np.float64)
    except Exception:  # ragged lists, symbolic tensors, whatever a learner may come up with
        return None


def _close(ours, theirs, tolerance) -> np.ndarray:
    return np.isclose(theirs, ours, rtol=tolerance, atol=tolerance, equal_nan=True)


def _wrong_shape(ours, theirs, tolerance) -> str | None:
    if ours.shape == theirs.shape:
        return None
    came, wanted = (f"shape {shape}" if shape else "a single number" for shape in (theirs.shape, ours.shape))
    same = ours.size == theirs.size and _close(ours.ravel(), theirs.ravel(), tolerance).all()
    return f"{came} came back, but {wanted} is wanted." + " The numbers themselves are right." * bool(same)


def _wrong_values(ours, theirs, tolerance) -> str | None:
    if _close(ours, theirs, tolerance).all():
        return None
    for name, spoiled in (("NaN", np.isnan(theirs)), ("infinite", np.isinf(theirs))):
        count = int((spoiled & np.isfinite(ours)).sum())
        if count:
            which = f"{count:,} of {ours.size:,} numbers are" if ours.size > 1 else "the number is"
            return f"{which} {name}."
    if theirs.dtype.kind in "biu" and ours.dtype.kind == "f":
        return f"the values are not right yet. They are of type {theirs.dtype}, which has no fractions."
    nonzero = (np.abs(ours) > tolerance) & np.isfinite(ours) & np.isfinite(theirs)
    if nonzero.sum() > 1:
        factor = theirs[nonzero].ravel()[0] / ours[nonzero].ravel()[0]
        if abs(factor) > tolerance and _close(factor * ours, theirs, tolerance).all():
            return f"every number is {factor:.4g} times what it should be."
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
    numbers = _as_numbers(value)
    if numbers is not None:
        return f"an array of shape {numbers.shape}" if numbers.ndim else "a single number"
    name = type(value).__name__
    return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"
