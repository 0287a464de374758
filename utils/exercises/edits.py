"""A mistake written as an edit of the right function, which fails loudly when the right function changes."""

import ast
import inspect
import textwrap
from collections.abc import Callable


def edits_of(function: Callable) -> Callable[..., Callable]:
    """Return `edit(old, new, …)`, which returns the function with each `old` in its source replaced by `new`.

        edit = edits_of(neuron)
        Mistake("the bias is subtracted …", edit("+ bias", "- bias"))

    Neither the docstring nor comments are searched: the source is as `ast.unparse` writes it, with single quotes and
    a blank around `**`. The edited function sees the names of the module in which the right one stands.

    Raises:
        ValueError: by `edit`, if an `old` does not stand in the source exactly once, or all parts leave it unchanged.
    """
    definition = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function)))).body[0]
    if ast.get_docstring(definition) is not None:
        definition.body = definition.body[1:]
    source, name = ast.unparse(definition), definition.name

    def edit(*parts: str) -> Callable:
        edited = source
        for old, new in zip(parts[::2], parts[1::2], strict=True):
            if edited.count(old) != 1:
                raise ValueError(f"{name} holds {old!r} {edited.count(old)} times, not once. Its source is:\n{edited}")
            edited = edited.replace(old, new)
        if edited == source:
            raise ValueError(f"this edit of {name} changes nothing.")
        made = {}
        exec(compile(edited, f"<{name}, edited>", "exec"), inspect.unwrap(function).__globals__, made)
        return made[name]

    return edit
