"""Slips of the pen: the right function with one small thing wrong, for each thing that can be, and what to say."""

import ast
import copy
import inspect
import textwrap
from collections.abc import Callable, Iterator

_PAIRS = ("mean sum", "max min", "maximum minimum", "amax amin", "var std", "argmax argmin", "any all", "ones zeros",
          "floor ceil", "normal uniform", "log log1p", "exp expm1")
TAKEN_FOR = {one: other for pair in map(str.split, _PAIRS) for one, other in (pair, pair[::-1])}
LEFT_OUT = set("exp log sqrt square abs sigmoid softplus tanh relu sort argsort cumsum diff clip round maximum minimum "
               "transpose norm mean sum float stop_gradient".split())
TURNED = {ast.Gt: ast.Lt, ast.Lt: ast.Gt, ast.GtE: ast.LtE, ast.LtE: ast.GtE, ast.Eq: ast.NotEq}
MODULES = ("np", "ops", "tf", "keras", "math", "special", "linalg")


def slips_of(function: Callable) -> Iterator[tuple[str, Callable]]:
    """Yield (sentence, function) for each single slip in a function's source."""
    function = inspect.unwrap(function)
    definition = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    definition.decorator_list, seen, parameters = [], set(), [each.arg for each in definition.args.args]
    below = {part for node in ast.walk(definition) if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)
             for part in ast.walk(node.right)}  # in a denominator, what is multiplied divides
    for number, node in enumerate(ast.walk(definition)):
        for sentence, changed in _slips(node, parameters, lambda part: _told(part, parameters)):
            if node in below and "where it should be" in sentence:
                continue
            source, made = ast.unparse(_replaced(definition, number, changed)), {}
            if source not in seen:
                seen.add(source)
                exec(compile(source, f"<{function.__name__}, slipped>", "exec"), function.__globals__, made)
                yield sentence, made[definition.name]


def _replaced(tree, number, changed):
    """Return a copy of the tree in which the node of that number, in the order of `ast.walk`, is another."""
    tree = copy.deepcopy(tree)
    node = list(ast.walk(tree))[number]
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            if value is node:
                setattr(parent, field, changed)
            elif isinstance(value, list):
                setattr(parent, field, [changed if each is node else each for each in value])
    return ast.fix_missing_locations(tree)


def _slips(node, parameters, told):
    """Yield (sentence, another node) for what may stand in a node's place."""
    if isinstance(node, ast.BinOp):
        yield from _of_operation(node, node.left, node.right, type(node.op), told)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield f"a sign is turned round: that of {told(node.operand)}.", node.operand
    elif isinstance(node, ast.Call):
        yield from _of_call(node, told)
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in TURNED:
        yield (f"a comparison is turned round, or its other side is taken: that of {told(node.left)}.",
               ast.Compare(node.left, [TURNED[type(node.ops[0])]()], node.comparators))
    elif isinstance(node, ast.Attribute) and node.attr == "T":
        yield f"rows and columns of {told(node.value)} should change places, and do not.", node.value
    elif isinstance(node, ast.Slice):
        for end, what in ("lower", "begins"), ("upper", "ends"):
            for step, when in (("+", "late"), ("-", "early")) if getattr(node, end) else ():
                other = copy.copy(node)
                setattr(other, end, _parsed("{} {} 1", getattr(node, end), step))
                yield f"a part of an array {what} one place too {when}: at {told(getattr(node, end))}.", other
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in parameters:
        for other in set(parameters) - {node.id}:
            yield f"`{other}` stands where `{node.id}` belongs.", ast.Name(other, ast.Load())
    elif isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Load) and len(node.elts) == 2:
        yield "two values have changed places.", ast.Tuple(node.elts[::-1], ast.Load())
    elif isinstance(node, ast.Assign | ast.AugAssign):
        made = ast.unparse(getattr(node, "target", None) or node.targets[0])
        yield f"a step is left out: the one that makes `{made}`.", ast.Pass()


def _of_operation(node, left, right, kind, told):
    one, other = told(left), told(right)
    if kind in (ast.Add, ast.Sub):
        turned = ast.BinOp(left, ast.Sub() if kind is ast.Add else ast.Add(), right)
        yield f"a sign is turned round: that of {other}.", turned
        yield f"a term is missing: the one with {other}.", left
        yield f"a term is missing: the one with {one}.", right if kind is ast.Add else _parsed("-{}", right)
    elif kind is ast.Mult:
        yield f"it is divided by {other} where it should be multiplied.", _parsed("{} / {}", left, right)
        yield f"a factor is missing: the one with {other}.", left
        yield f"a factor is missing: the one with {one}.", right
    elif kind in (ast.Div, ast.FloorDiv):
        yield f"it is multiplied by {other} where it should be divided.", _parsed("{} * {}", left, right)
        yield f"a division is missing: the one by {other}.", left
        yield f"a factor is missing: the one with {one}.", _parsed("1.0 / {}", right)
        yield f"it is divided by 1 less than {other}.", _parsed("{} / ({} - 1)", left, right)
        yield f"it is divided by 1 more than {other}.", _parsed("{} / ({} + 1)", left, right)
    elif kind is ast.Pow:
        yield f"a power is missing: {one} stays as it is.", left
        yield f"{one} is multiplied by the exponent, not raised to it.", _parsed("{} * {}", left, right)
        for step in "+-":
            yield f"the exponent of {one} is off by one.", _parsed("{} ** ({} {} 1)", left, right, step)
    elif kind is ast.MatMult:
        yield f"{one} and {other} are multiplied number by number, not as matrices.", _parsed("{} * {}", left, right)
    if kind in (ast.Sub, ast.Div, ast.FloorDiv, ast.MatMult):
        yield f"{one} and {other} stand the wrong way round.", ast.BinOp(right, node.op, left)


def _of_call(node, told):
    called = node.func
    of_array = isinstance(called, ast.Attribute) and getattr(called.value, "id", "") not in MODULES
    name = getattr(called, "attr", getattr(called, "id", ""))
    inside = called.value if of_array else next(iter(node.args), None)
    if inside is None or isinstance(inside, ast.Starred):
        return
    if name in TAKEN_FOR:
        other = copy.deepcopy(node)
        setattr(other.func, "attr" if isinstance(called, ast.Attribute) else "id", TAKEN_FOR[name])
        yield f"`{TAKEN_FOR[name]}` stands where `{name}` belongs, for {told(inside)}.", other
    if name in LEFT_OUT:
        yield f"`{name}` is missing, that of {told(inside)}.", inside
    if name == "log" and not of_array:
        for base in "2", "10":
            yield f"a logarithm to the base {base} stands where the natural one belongs.", _parsed(
                "{} / float(np.log({}))", node, base)
    for keyword in node.keywords:
        rest = [each for each in node.keywords if each is not keyword]
        if keyword.arg == "axis":
            yield f"`{name}` runs over the whole array of {told(inside)}, and should run over one axis.", ast.Call(
                called, node.args, [each for each in rest if each.arg != "keepdims"])
            for axis in (0, 1, -1):
                yield f"`{name}` runs over another axis of {told(inside)} than it should.", ast.Call(
                    called, node.args, [*rest, ast.keyword("axis", ast.Constant(axis))])
    if len(node.args) == 2 and not of_array:
        yield (f"{told(node.args[0])} and {told(node.args[1])} have changed places.",
               ast.Call(called, node.args[::-1], node.keywords))


def _parsed(template, *parts):
    source = template.format(*(part if isinstance(part, str) else f"({ast.unparse(part)})" for part in parts))
    return ast.parse(source, mode="eval").body


def _told(node, parameters):
    """Return what a learner may call a piece of source: parameters and functions in it, else variables or numbers."""
    inside = list(ast.walk(node))
    names = list(dict.fromkeys(each.id for each in inside if isinstance(each, ast.Name) and each.id not in MODULES))
    calls = [each.func.attr for each in inside if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute)]
    known = calls + [name for name in names if name in parameters]
    return " and ".join(f"`{name}`" for name in (known or names)[:2]) or f"`{ast.unparse(node)}`"
