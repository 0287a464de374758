"""Slips of the pen: the right function with one small thing wrong, for each thing that can be, and what to say of it."""

import ast
import copy
import inspect
import textwrap
from collections.abc import Callable, Iterator

# Calls that stand in each other's place; and calls that are left out.
TAKEN_FOR = {"mean": "sum", "sum": "mean", "max": "min", "min": "max", "maximum": "minimum", "minimum": "maximum",
             "amax": "amin", "amin": "amax", "var": "std", "std": "var", "argmax": "argmin", "argmin": "argmax",
             "any": "all", "all": "any", "log1p": "log", "expm1": "exp", "ones": "zeros", "zeros": "ones", "floor": "ceil",
             "ceil": "floor", "normal": "uniform", "uniform": "normal"}
LEFT_OUT = {"exp", "log", "sqrt", "square", "abs", "sigmoid", "softplus", "tanh", "relu", "sort", "cumsum", "clip", "round",
            "maximum", "minimum", "transpose", "stop_gradient", "float", "mean", "sum", "diff", "argsort", "norm"}
OTHERS = {ast.Gt: ast.Lt, ast.Lt: ast.Gt, ast.GtE: ast.LtE, ast.LtE: ast.GtE, ast.Eq: ast.NotEq}


def slips_of(function: Callable) -> Iterator[tuple[str, Callable]]:
    """Yield (sentence, function) for each single slip in a function's source."""
    definition = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function)))).body[0]
    definition.decorator_list = []
    parameters = [each.arg for each in definition.args.args]
    seen = set()
    for number, node in enumerate(ast.walk(definition)):
        for sentence, changed in _slips(node, parameters):
            other = _replaced(definition, number, changed)
            source = ast.unparse(other)
            if source in seen:
                continue
            seen.add(source)
            made = {}
            try:
                exec(compile(source, f"<{function.__name__}, slipped>", "exec"), inspect.unwrap(function).__globals__, made)
            except SyntaxError:
                continue
            yield sentence, made[definition.name]


def _replaced(tree, number, changed):
    """Return a copy of the tree in which the node of that number, in the order of `ast.walk`, is another."""
    tree = copy.deepcopy(tree)
    node = next(node for place, node in enumerate(ast.walk(tree)) if place == number)
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            if value is node:
                setattr(parent, field, changed)
            elif isinstance(value, list):
                setattr(parent, field, [changed if each is node else each for each in value])
    return ast.fix_missing_locations(tree)


def _slips(node, parameters):
    """Yield (sentence, another node) for what may stand in a node's place."""
    if isinstance(node, ast.BinOp):
        yield from _slips_of_operation(node)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield f"a sign is turned round: that of {_told(node.operand)}.", node.operand
    elif isinstance(node, ast.Call):
        yield from _slips_of_call(node)
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in OTHERS:
        yield (f"a comparison is turned round, or its other side is taken: that of {_told(node.left)}.",
               ast.Compare(node.left, [OTHERS[type(node.ops[0])]()], node.comparators))
    elif isinstance(node, ast.Attribute) and node.attr == "T":
        yield f"rows and columns of {_told(node.value)} should change places, and do not.", node.value
    elif isinstance(node, ast.Slice):
        for bound, other in ("lower", "upper"), ("upper", "lower"):
            value = getattr(node, bound)
            for step, told in (("+ 1", "late"), ("- 1", "early")) if value else ():
                yield (f"a part of an array {'begins' if bound == 'lower' else 'ends'} one place too {told}: at {_told(value)}.",
                       ast.Slice(**{bound: _expression(f"{ast.unparse(value)} {step}"), other: getattr(node, other),
                                    "step": node.step}))
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in parameters:
        for other in parameters:
            if other != node.id:
                yield f"`{other}` stands where `{node.id}` belongs.", ast.Name(other, ast.Load())
    elif isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Load) and len(node.elts) == 2:
        yield "two values have changed places.", ast.Tuple(node.elts[::-1], ast.Load())
    elif isinstance(node, ast.Assign | ast.AugAssign):
        yield f"a step is left out: the one that makes `{ast.unparse(getattr(node, 'target', None) or node.targets[0])}`.", \
            ast.Pass()


def _slips_of_operation(node):
    left, right, kind = node.left, node.right, type(node.op)
    if kind in (ast.Add, ast.Sub):
        other = ast.Sub() if kind is ast.Add else ast.Add()
        yield f"a sign is turned round: that of {_told(right)}.", ast.BinOp(left, other, right)
        yield f"a term is missing: the one with {_told(right)}.", left
        yield (f"a term is missing: the one with {_told(left)}.",
               right if kind is ast.Add else ast.UnaryOp(ast.USub(), right))
        if kind is ast.Sub:
            yield f"{_told(left)} and {_told(right)} are subtracted the wrong way round.", ast.BinOp(right, node.op, left)
    elif kind in (ast.Mult, ast.Div, ast.FloorDiv):
        done, belongs = ("multiplied", "divided") if kind is not ast.Mult else ("divided", "multiplied")
        yield f"it is {done} by {_told(right)} where it should be {belongs}.", ast.BinOp(
            left, ast.Div() if kind is ast.Mult else ast.Mult(), right)
        yield f"a {'factor' if kind is ast.Mult else 'division'} is missing: the one with {_told(right)}.", left
        yield (f"a factor is missing: the one with {_told(left)}.",
               right if kind is ast.Mult else ast.BinOp(ast.Constant(1.0), node.op, right))
        if kind is not ast.Mult:
            yield f"{_told(left)} and {_told(right)} are divided the wrong way round.", ast.BinOp(right, node.op, left)
        if kind is ast.Div:
            for step, told in ("- 1", "1 less than"), ("+ 1", "1 more than"):
                yield f"it is divided by {told} {_told(right)}.", ast.BinOp(
                    left, node.op, _expression(f"({ast.unparse(right)} {step})"))
    elif kind is ast.Pow:
        yield f"a power is missing: {_told(left)} stays as it is.", left
        yield f"{_told(left)} is multiplied by the exponent, not raised to it.", ast.BinOp(left, ast.Mult(), right)
        for step in "+-":
            yield f"the exponent of {_told(left)} is off by one.", ast.BinOp(
                left, node.op, _expression(f"({ast.unparse(right)} {step} 1)"))
    elif kind is ast.MatMult:
        yield f"{_told(left)} and {_told(right)} are multiplied in the wrong order.", ast.BinOp(right, node.op, left)
        yield f"{_told(left)} and {_told(right)} are multiplied number by number, not as matrices.", ast.BinOp(
            left, ast.Mult(), right)


def _slips_of_call(node):
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    of_array = isinstance(node.func, ast.Attribute) and not (
        isinstance(node.func.value, ast.Name) and node.func.value.id in ("np", "ops", "tf", "keras", "math", "special"))
    inside = node.func.value if of_array else next(iter(node.args), None)
    if inside is None or isinstance(inside, ast.Starred):
        return
    if name in TAKEN_FOR:
        other = copy.deepcopy(node)
        setattr(other.func, "attr" if isinstance(other.func, ast.Attribute) else "id", TAKEN_FOR[name])
        yield f"`{TAKEN_FOR[name]}` stands where `{name}` belongs, for {_told(inside)}.", other
    if name in LEFT_OUT:
        yield f"a `{name}` is missing, that of {_told(inside)}.", inside
    if name == "log" and not of_array:
        for base, told in (("2.0", "2"), ("10.0", "10")):
            yield f"a logarithm to the base {told} stands where the natural one belongs.", _expression(
                f"({ast.unparse(node)} / np.log({base}))")
    for keyword in node.keywords:
        rest = [each for each in node.keywords if each is not keyword]
        if keyword.arg == "axis":
            yield f"`{name}` runs over the whole array of {_told(inside)}, and should run over one axis.", ast.Call(
                node.func, node.args, [each for each in rest if each.arg != "keepdims"])
            for axis in (0, 1, -1):
                yield f"`{name}` runs over another axis of {_told(inside)} than it should.", ast.Call(
                    node.func, node.args, [*rest, ast.keyword("axis", ast.Constant(axis))])
    if len(node.args) == 2 and not of_array:
        yield f"{_told(node.args[0])} and {_told(node.args[1])} have changed places.", ast.Call(
            node.func, node.args[::-1], node.keywords)


def _expression(source):
    return ast.parse(source, mode="eval").body


def _told(node):
    """Return what a learner may call a piece of source: the names in it, or the number that it is."""
    names = [each.id for each in ast.walk(node) if isinstance(each, ast.Name) and each.id not in ("np", "ops", "tf", "keras")]
    if not names:
        return f"`{ast.unparse(node)}`"
    return " and ".join(f"`{name}`" for name in list(dict.fromkeys(names))[:2])
