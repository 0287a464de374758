"""The learner's function as the lesson calls it: by any names, taking and giving what the reference takes and gives."""

import functools
import inspect
import sys
from collections.abc import Callable, Mapping

import numpy as np


def adapted(function: Callable, reference: Callable) -> Callable | None:
    """Return the function with the reference's parameters and defaults, whatever it calls its own; None if it can't.

    Where all of the reference's names occur, arguments go by name, in whatever order the learner put them.
    """
    wanted = inspect.signature(reference)
    try:
        own = inspect.signature(function)
        names = {name: name for name in wanted.parameters}
        by_name = set(names) <= {each.name for each in own.parameters.values() if each.kind is not each.POSITIONAL_ONLY}
        own.bind(**names) if by_name else own.bind(*names)
    except TypeError:
        return None
    except Exception:  # some built-in functions have no signature, and a learner's own class may spoil it
        by_name = False

    @functools.wraps(function, assigned=("__name__", "__doc__"), updated=())
    def answer(*positional, **named):
        call = wanted.bind(*positional, **named)
        call.apply_defaults()
        return function(**call.arguments) if by_name else function(*call.arguments.values())

    answer.__signature__ = wanted
    return answer


def carried(answer: Callable, calls: list[tuple[tuple, object]]) -> Callable:
    """Return the adapted function, which now takes and gives the kinds of values that stand in the reference's calls.

    `calls` are (arguments, result). What is an array in one and a number in another is left as it comes.
    """
    arguments, results = zip(*calls)
    inputs, result = [_common(values) for values in zip(*arguments)], _common(results)

    @functools.wraps(answer)
    def carries(*positional, **named):
        call = answer.__signature__.bind(*positional, **named)
        call.apply_defaults()
        given = [as_kind(value, like) for value, like in zip(call.arguments.values(), inputs)]
        with np.errstate(over="ignore"):  # of an `exp`, whose infinity may be right in what follows, as the check saw
            return as_kind(answer(*given), result)

    return carries


def _common(values):
    kinds = {"tensor" if _is_tensor(value) else float if isinstance(value, float) else type(value) for value in values}
    return values[-1] if len(kinds) == 1 else None


def as_kind(value, like):
    """Return the value as an array, tensor, number, or a tuple, list or dict of them, whichever `like` is.

    What cannot be turned, as a tensor without values while a graph is built, stays what it is.
    """
    if isinstance(like, tuple | list) and isinstance(value, tuple | list) and len(value) == len(like):
        parts = [as_kind(*pair) for pair in zip(value, like)]
        return like._make(parts) if hasattr(like, "_make") else type(like)(parts)
    if isinstance(like, Mapping) and isinstance(value, Mapping):
        return {name: as_kind(part, like.get(name)) for name, part in value.items()}
    try:
        if _is_tensor(like):
            return sys.modules["keras"].ops.convert_to_tensor(value, like.dtype)
        if isinstance(like, np.ndarray):
            return np.asarray(value)
        if isinstance(like, bool | int | float | np.number) and type(like)(value) == value:
            return type(like)(value)
    except Exception:
        pass
    return value


def _is_tensor(value) -> bool:
    return "tensorflow" in sys.modules and sys.modules["tensorflow"].is_tensor(value)
