"""Lesson 1 · Neurons."""

import numpy as np

from utils.exercises.comparing import Fact, as_numbers, kind_of
from utils.exercises.edits import edits_of
from utils.exercises.engine import Exercise, Mistake, mistakes
from utils.exercises.running import Unusable
from utils.lesson_01.study import gates
from utils.scratch import logistic_gradient, neuron, perceptron_update, sigmoid, sigmoid_derivative, step


def _batches():
    """Yield (inputs, weights, bias): one square, where a transpose goes through; the last as many as the lesson's."""
    random = np.random.default_rng(0)
    yield np.array([[2.0, -1.0, 0.5], [0.4, 1.5, -1.0]]), np.array([0.5, 1.0, -2.0]), 0.3
    yield np.array([[1.0, 2.0], [-3.0, 0.5]]), np.array([0.4, -0.7]), -0.6
    yield random.normal(size=(5, 3)), random.normal(size=3), 1.5
    yield random.random((6, 784)), random.normal(size=784), -0.2
    yield random.normal(size=(12_000, 2)), np.array([3.0, -1.2]), 0.7


def _sums():
    """Return sums near 0, where all is well; below and above, where exp(-a) or exp(a) overflows."""
    return [(np.array([0.5]),), (np.array([0.2, -1.5, 3.0]),), (np.linspace(-6, 6.5, 12).reshape(3, 4),),
            (np.array([-1000.0, 0.7, 8.0, 1000.0]),)]


def _points():
    """Return (weights, bias, point, rate). With and without its bias, the neuron fires in some and not in others."""
    random = np.random.default_rng(1)
    return [
        (np.array([0.5, -1.0, 0.3]), 0.4, np.array([1.5, 2.0, -0.5]), 1.0),
        (np.array([0.5, 1.0]), -0.4, np.array([2.0, -0.2]), 0.5),
        (np.array([0.5, -1.0]), 0.9, np.array([1.0, 0.8]), 0.7),
        (random.normal(size=4), 9.0, random.normal(size=4), 0.1),
        (random.normal(size=4), -9.0, random.normal(size=4), 2.0),
        (np.array([0.5, 0.25]), -1.25, np.array([1.5, 2.0]), 1.0),  # a sum of exactly 0 does not fire
    ]


_RIGHT_STAYS = Fact("does a right answer leave all as it is?",
                    "the neuron moves although its answer was right. What is label minus answer then?")
_WRONG_MOVES = {label: Fact(f"does a wrong answer to label {label} move it?", text) for label, text in (
    (0, "a neuron that fires at a point with label 0 stays as it is. It is wrong, and must learn too."),
    (1, "a neuron that does not fire at a point with label 1 stays as it is. It is wrong, and must learn too."))}
_BIAS_MOVES = Fact("does the bias move?", "the bias never moves. It is a weight too, of an input that is always 1.")
_WEIGHTS_MOVE = Fact("do the weights move?", "only the bias moves, and the weights stay as they are.")
_BIAS_WAY = Fact("does the bias move the right way?",
                 "the bias moves the wrong way: a neuron that should have fired needs a larger one.")
_ALONG = Fact("do the weights move along the point?", "the weights do not move along `point`. An input that is large, "
              "or negative, must count for what it is.")
_WAY = Fact("do the weights move the right way?", "the weights move the wrong way, so that the mistake grows worse. "
            "Should the sum of a point with label 1 grow or shrink?")
_RATE = {part: Fact(f"does `rate` scale the {part}?", f"twice the `rate` does not move the {part} twice as far. Is it "
                    "used there, and once?") for part in ("weights", "bias")}
_TOO_FAR = Fact("does the bias move by `rate` at most?",
                "the bias moves further than `rate`. One call makes one move, by `rate` times label minus answer.")
_BY_RATE = Fact("does the bias move by `rate`?",
                "the bias does not move by `rate` times label minus answer. Its own input is always 1.")
_KEPT = {name: Fact(f"is `{name}` as it was?", f"right, but `{name}` is changed in place, and so the caller's array. "
                    "Return a new one.") for name in ("weights", "point")}


def _moves(function, weights, bias, point, rate):
    """Return facts about how the update moves the neuron for either label, and what it makes of weights and bias."""
    kept, untouched = {"weights": weights.copy(), "point": point.copy()}, dict.fromkeys(_KEPT, True)

    def moved(label, rate):
        pair = function(weights, bias, point, label, rate)
        parts = [as_numbers(part) for part in pair] if isinstance(pair, tuple | list) else []
        if [np.shape(part) for part in parts] != [weights.shape, ()]:
            raise Unusable("a pair is wanted: first the new weights, one a feature, then the new bias, one number.")
        parts = [np.array(part) for part in parts]
        for name, array in ("weights", weights), ("point", point):
            untouched[name] &= np.array_equal(array, kept[name])
            array[:] = kept[name]
        return np.append(parts[0] - weights, parts[1] - bias), parts

    fires = float(step(neuron(point[None], weights, bias))[0])
    label = int(1 - fires)  # the one for which it is wrong
    stays, after_right = moved(int(fires), rate)
    move, after_wrong = moved(label, rate)
    further, _ = moved(label, 2 * rate)
    error, along = label - fires, move[:-1] @ point
    return {
        _WRONG_MOVES[label]: bool(np.any(move)),
        _RIGHT_STAYS: not np.any(stays),
        _BIAS_MOVES: move[-1] != 0,
        _WEIGHTS_MOVE: bool(np.any(move[:-1])),
        _BIAS_WAY: error * move[-1] > 0,
        _ALONG: np.allclose(move[:-1], along / (point @ point) * point),
        _WAY: error * along > 0,
        _TOO_FAR: abs(move[-1]) < 1.001 * rate,
        **{fact: np.allclose(further[part], 2 * move[part]) for fact, part in zip(
            _RATE.values(), (slice(None, -1), slice(-1, None)))},
        _BY_RATE: np.isclose(move[-1], error * rate),
        f"weights and bias, with label {int(fires)}": tuple(after_right),
        f"weights and bias, with label {label}": tuple(after_wrong),
        **{_KEPT[name]: untouched[name] for name in _KEPT},
    }


def _batches_and_labels():
    random = np.random.default_rng(2)
    yield np.array([[2.0, -1.0, 0.5], [0.4, 1.0, -2.0]]), np.array([1, 0]), np.array([0.5, 1.0, -0.7]), -0.3
    yield np.array([[2.0, -1.0]]), np.array([1]), np.array([0.5, 1.0]), -0.3
    yield np.array([[1.0, 2.0], [-3.0, 0.5]]), np.array([0, 1]), np.array([0.4, -0.7]), 0.6
    yield random.normal(size=(5, 3)), np.array([1.0, 0.0, 0.0, 1.0, 0.0]), random.normal(size=3), 1.5
    yield 1000 * random.normal(size=(5, 3)), np.array([1, 0, 0, 1, 0]), random.normal(size=3), 1.5
    yield random.random((40, 784)), np.arange(40) % 2, random.normal(size=784) / 20, -0.2
    yield random.normal(size=(12_000, 2)), random.integers(0, 2, 12_000), np.array([0.4, -0.7]), 0.3


INPUTS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
WANTED = {"AND": (0, 0, 0, 1), "OR": (0, 1, 1, 1), "NAND": (1, 1, 1, 0)}
# All that a neuron can answer to 00, 01, 10, 11, and what to say of it.
TABLES = {
    (0, 0, 0, 0): "never fires: none of its four sums is above 0. How large must the bias be?",
    (1, 1, 1, 1): "fires whatever the inputs are: all four sums are above 0, even with both inputs off.",
    (0, 0, 0, 1): "is an AND: it fires only when both inputs are on.",
    (0, 1, 1, 1): "is an OR: it fires as soon as one input is on, and not when both are off.",
    (1, 1, 1, 0): "is a NAND: it fires in all cases but the one where both inputs are on.",
    (1, 0, 0, 0): "is a NOR: it fires only when both inputs are off.",
    (0, 0, 1, 1): "follows the first input alone, and the second changes nothing.",
    (0, 1, 0, 1): "follows the second input alone, and the first changes nothing.",
    (1, 1, 0, 0): "answers the opposite of the first input, and the second changes nothing.",
    (1, 0, 1, 0): "answers the opposite of the second input, and the first changes nothing.",
    (0, 0, 1, 0): "fires only when the first input is on and the second off.",
    (0, 1, 0, 0): "fires only when the second input is on and the first off.",
    (1, 0, 1, 1): "fires in all cases but the one where the second input alone is on.",
    (1, 1, 0, 1): "fires in all cases but the one where the first input alone is on.",
}
_FIRST = Fact("does the bias stand last?", "the bias stands first in each of your neurons, and should stand last: "
              "first weight, second weight, bias.")
_ON_BOUNDARY = {gate: Fact(f"is no sum of the {gate} 0?", f"in your {gate} an input lies exactly on the boundary: its "
                           "sum is 0. Move the bias, so that no sum is 0.") for gate in WANTED}
_IS = {gate: {table: Fact(f"is the {gate} no {table}?", f"your {gate} {says}") for table, says in TABLES.items()
              if table != wanted} for gate, wanted in WANTED.items()}


def _answers_of_gates(function):
    """Return facts about each gate's four weighted sums and answers."""
    found, seen = function(), {}
    if not isinstance(found, dict):
        raise Unusable(f'a dictionary with the keys "AND", "OR" and "NAND" is wanted, but {kind_of(found)} came back.')
    if set(found) != set(WANTED):
        raise Unusable(f'the keys must be "AND", "OR" and "NAND", in capitals, but {", ".join(map(str, found))} came.')
    for gate in WANTED:
        if np.shape(as_numbers(found[gate])) != (3,):
            raise Unusable(f"three numbers in a row are wanted for {gate}, two weights and the bias, but "
                           f"{kind_of(found[gate])} came back.")

    def sums_of(gate, last=2):
        parameters = np.roll(np.array(found[gate], np.float64), 2 - last)
        sums = neuron(INPUTS, parameters[:2], parameters[2])
        return np.where(np.abs(sums) > 1e-9 * np.abs(parameters).max(), sums, 0)  # 0.1 + 0.2 - 0.3 is 0

    seen[_FIRST] = any(tuple(sums_of(gate, last=0) > 0) != wanted for gate, wanted in WANTED.items())
    for gate in WANTED:
        sums = sums_of(gate)
        seen[_ON_BOUNDARY[gate]] = bool(sums.all())
        seen |= {fact: tuple(sums > 0) != table for table, fact in _IS[gate].items()}
    return seen


_of_update, _of_gradient = edits_of(perceptron_update), edits_of(logistic_gradient)

EXERCISES = (
    Exercise(identifier="1.1", reference=neuron, cases=_batches, calls=6000, mistakes=(
        Mistake("the bias is forgotten. Without it, the boundary goes through the origin.", lambda x, w, b: x @ w),
        Mistake("the bias is added once for each feature. It belongs to the neuron: it comes once, after the sum.",
                lambda x, w, b: (x * w + b).sum(axis=1)),
        Mistake("the sum is multiplied by the bias. It is a term of its own: it is added.", lambda x, w, b: x @ w * b),
        Mistake("the bias is added to the inputs, so that the weights multiply it. It comes once, after the sum.",
                lambda x, w, b: (x + b) @ w),
        Mistake("examples and features are exchanged; on a square batch NumPy cannot notice. Which axis of "
                "`inputs` must meet the weights?", lambda x, w, b: w @ x + b),
        *mistakes("you sum over the examples. Each one has a weighted sum of its own: which axis should be left?",
                   lambda x, w, b: np.sum(x * w) + b, lambda x, w, b: (x * w).sum(axis=0) + b),
        Mistake("the running total goes on from one example to the next.", lambda x, w, b: np.cumsum(x @ w) + b),
        Mistake("the products are not summed yet: one number per example is wanted.", lambda x, w, b: x * w + b),
        Mistake("you average over the features. The neuron adds up.", lambda x, w, b: (x * w).mean(axis=1) + b),
        Mistake("only the largest product counts. The neuron adds all.", lambda x, w, b: (x * w).max(axis=1) + b),
        *mistakes("some features do not count. Is one left out, or does each product overwrite the one before?",
                   *(lambda x, w, b, kept=kept: x[:, kept] @ w[kept] + b for kept in (
                       slice(1, None), slice(-1), slice(1), slice(2), slice(-1, None)))),
        Mistake("inputs and weights are added. A weight says how much its input counts: which operation does that?",
                lambda x, w, b: (x + w).sum(axis=1) + b),
        Mistake("this is a squared distance from the weights. Multiply each input by its weight, and add up.",
                lambda x, w, b: ((x - w)**2).sum(axis=1) + b),
        *mistakes("weights or inputs are divided by their length. They count as they come.",
                   lambda x, w, b: x @ (w / np.linalg.norm(w)) + b,
                   lambda x, w, b: (x / np.linalg.norm(x, axis=1)[:, None]) @ w + b),
        Mistake("the average of the batch is taken off, so that each answer depends on the other examples.",
                lambda x, w, b: x @ w - np.mean(x @ w)),
        *mistakes("an activation is applied already. The weighted sum alone is wanted here.",
                   *(lambda x, w, b, activation=activation: activation(x @ w + b)
                     for activation in (sigmoid, step, np.tanh, lambda sums: np.maximum(sums, 0)))),
    ), hints=(
        "For one example: multiply each feature by its weight, add up the products, add the bias.",
        "For a batch, each row of `inputs` is an example. Which axis must you sum, to get one number per row?",
        "NumPy's `@` multiplies each row with the weights and adds up. The bias comes after it, once.",
    )),
    Exercise(identifier="1.2", reference=sigmoid_derivative, cases=_sums, tolerance=1e-10, mistakes=(
        Mistake("this is the sigmoid itself, its height. The slope needs a second factor.", sigmoid),
        Mistake("one factor is missing: the slope must go to 0 on the left too.", lambda sums: 1 - sigmoid(sums)),
        Mistake("both factors are the sigmoid, but on the right the slope goes to 0.", lambda sums: sigmoid(sums)**2),
        Mistake("both factors are 1 minus the sigmoid. Is that flat far left?", lambda sums: (1 - sigmoid(sums))**2),
        Mistake("you take `sums` for the sigmoid's value. Compute `sigmoid` first.", lambda sums: sums * (1 - sums)),
        Mistake("the second factor takes `sums` for the sigmoid's value.", lambda sums: sigmoid(sums) * (1 - sums)),
        Mistake("there is a factor `sums` too many. The fraction above the cell has no `a` outside an exponent.",
                lambda sums: sums * sigmoid_derivative(sums)),
        Mistake("the sigmoid is applied twice. Once is enough.", lambda sums: sigmoid_derivative(sigmoid(sums))),
        Mistake("this is the rule for tanh, one minus the square, not sigmoid's.", lambda sums: 1 - sigmoid(sums)**2),
        Mistake("this is the slope of tanh, which is four times as steep at 0.", lambda sums: 1 - np.tanh(sums)**2),
        Mistake("this is the slope of the ReLU, a step. The sigmoid's is a smooth hill.", step),
        Mistake("this is a bell curve, the density of the normal distribution. The slope looks like it, but has "
                "heavier sides.", lambda sums: np.exp(-sums**2 / 2) / np.sqrt(2 * np.pi)),
        Mistake("there is a plus where a minus belongs: far to the right the sigmoid is flat, and so its slope "
                "goes to 0.", lambda sums: sigmoid(sums) * (1 + sigmoid(sums))),
        Mistake("negative sums get negative slopes, but the sigmoid rises on both sides.",
                lambda sums: np.sign(sums) * sigmoid_derivative(sums)),
        Mistake("this is the second derivative, the slope of the slope. There is a factor too many.",
                lambda sums: sigmoid_derivative(sums) * (1 - 2 * sigmoid(sums))),
        Mistake("this is the logarithm of the slope.", lambda sums: -np.logaddexp(0, sums) - np.logaddexp(0, -sums)),
        *mistakes("the denominator is not the square of all that stands in brackets.",
                   *(lambda sums, below=below: np.exp(-np.abs(sums)) / below(np.exp(-np.abs(sums)))
                     for below in (lambda e: 1 + e, lambda e: 1 + e**2))),
        *mistakes("right in the middle, but the sums are cut off, so that the slope never goes to 0.",
                   *(lambda sums, most=most: sigmoid_derivative(np.clip(sums, -most, most)) for most in (5, 10))),
    ), hints=(
        "Split the fraction above the cell into a product of two: 1/(1 + exp(-a)), and what remains.",
        "The second factor is exp(-a)/(1 + exp(-a)). Add it to the first: what is their sum?",
        "Multiply the sigmoid by what it lacks to reach 1. You can write both with `sigmoid`, without `np.exp`.",
    )),
    Exercise(identifier="1.3", reference=perceptron_update, cases=_points, observe=_moves, mistakes=(
        Mistake("the label alone moves it, whatever the neuron answered. What is label minus answer?",
                _of_update("label - step(sums)[0]", "label")),
        Mistake("the sign is turned: each update makes the same mistake worse. Should the sum of a point with "
                "label 1 grow or shrink?", _of_update("label - step(sums)[0]", "step(sums)[0] - label")),
        Mistake("every mistake adds the point. Where the neuron fired and should not, its sum must shrink.",
                _of_update("label - step(sums)[0]", "abs(label - step(sums)[0])")),
        Mistake("only points with label 1 are ever corrected. A neuron that fires at a 0 must learn too: this is the "
                "form for labels -1 and 1.", _of_update("label - step(sums)[0]", "label * (step(sums)[0] != label)")),
        Mistake("the label is turned into -1 or 1, but the answer is still 0 or 1. Both must be counted alike.",
                _of_update("label - step(sums)[0]", "2 * label - 1 - step(sums)[0]")),
        Mistake("right answers move the neuron, and wrong ones do not. It should be the other way round.",
                _of_update("label - step(sums)[0]", "(2 * label - 1) * (step(sums)[0] == label)")),
        Mistake("the weighted sum itself is compared with the label. The perceptron compares its answer, 0 or 1: "
                "where is the `step`?", _of_update("step(sums)", "sums")),
        Mistake("a sigmoid stands where the `step` belongs, so that every point moves the weights a little.",
                _of_update("step(sums)", "sigmoid(sums)")),
        Mistake("the bias is left out when the neuron decides, though it is part of its sum.",
                _of_update("neuron(point[None], weights, bias)", "neuron(point[None], weights, 0)")),
        Mistake("the bias is subtracted when the neuron decides. It is added to the sum.",
                _of_update("neuron(point[None], weights, bias)", "neuron(point[None], weights, -bias)")),
        Mistake("right, but your neuron also fires at a weighted sum of exactly 0. The lesson's `step` fires only "
                "where the sum is positive.", _of_update("step(sums)[0]", "float(sums[0] >= 0)")),
        Mistake("right, but at a weighted sum of exactly 0 your neuron answers ½, as formulas with `np.sign` do. "
                "The lesson's `step` answers 0 there.", _of_update("step(sums)[0]", "(1 + np.sign(sums[0])) / 2")),
        Mistake("your neuron fires only above ½. The weighted sum is no probability: the `step` rises at 0.",
                _of_update("step(sums)[0]", "float(sums[0] > 0.5)")),
        Mistake("the bias moves by the inputs too. Its own input is always 1.",
                _of_update("bias + rate * error", "bias + rate * error * point.sum()")),
        Mistake("these are the changes alone. The new weights and the new bias are wanted: old plus change.",
                _of_update("weights + rate * error", "rate * error", "bias + rate * error", "rate * error")),
        Mistake("the bias is moved first, and the neuron asked again for the weights. One answer must decide both.",
                _of_update("return (weights", "bias = bias + rate * error\n    error = label - step(neuron("
                           "point[None], weights, bias))[0]\n    return (weights", "bias + rate * error)", "bias)")),
        *mistakes("point or weights are scaled to length 1. The rule moves by the point as it is, and that is all.",
                   _of_update("error * point", "error * (point / np.linalg.norm(point))"),
                   lambda weights, bias, point, label, rate=1.0: tuple(
                       part / (np.linalg.norm(part) if np.ndim(part) else 1)
                       for part in perceptron_update(weights, bias, point, label, rate))),
    ), hints=(
        "First let the neuron answer: its weighted sum of this one point, then `step`.",
        "The error is label minus answer: 1, 0 or -1. Both weights and bias move by the rate times the error, the "
        "weights also times something else.",
        "Compute `error` in one line. The second line returns a pair, new weights and new bias; when the error is "
        "0, nothing moves, so you need no `if`.",
    )),
    Exercise(identifier="1.4", reference=logistic_gradient, cases=_batches_and_labels, calls=1600, mistakes=(
        Mistake("the bias' gradient is always 0, so that descent never moves the bias.",
                _of_gradient("errors.mean()", "0.0")),
        *mistakes("the bias' gradient contains the inputs. The bias' own input is always 1.",
                   _of_gradient("errors.mean()", "(inputs.T @ errors / len(errors)).mean()"),
                   _of_gradient("errors.mean()", "(inputs.T @ errors / len(errors)).sum()")),
        Mistake("the bias' gradient is multiplied by the bias. What multiplies the bias in the sum? That counts.",
                _of_gradient("errors.mean()", "bias * errors.mean()")),
        Mistake("a factor p (1 - p) is left over: it cancels in the last step of the derivation.",
                _of_gradient("sigmoid(sums) - labels", "(sigmoid(sums) - labels) * sigmoid_derivative(sums)")),
        Mistake("this is the slope for the probability, with p (1 - p) in the denominator. The link from sum to "
                "probability cancels it.", _of_gradient("sigmoid(sums) - labels", "(sigmoid(sums) - labels) / ("
                                                        "sigmoid(sums) * (1 - sigmoid(sums)))")),
        Mistake("the sigmoid is applied twice.", _of_gradient("sigmoid(sums)", "sigmoid(sigmoid(sums))")),
        Mistake("this is the perceptron's error, from a `step`. The logistic neuron answers with a probability.",
                _of_gradient("sigmoid(sums)", "step(sums)")),
        Mistake("the labels are turned into -1 and 1. The formula wants 0 and 1, as the probability does.",
                _of_gradient("- labels", "- (2 * labels - 1)")),
        Mistake("the errors' signs are lost. A probability that is too high must pull the other way than one too low.",
                _of_gradient("sigmoid(sums) - labels", "np.abs(sigmoid(sums) - labels)")),
        *mistakes("some examples do not count. Each has an error, large or small, and all of them are averaged.",
                   *(_of_gradient("sigmoid(sums) - labels", f"(sigmoid(sums) - labels) * ({which})") for which in (
                       "labels == 1", "labels == 0", "(sums > 0) != (labels == 1)",
                       "len(labels) * (np.arange(len(labels)) == len(labels) - 1)",
                       "len(labels) * (np.arange(len(labels)) == 0)"))),
        Mistake("examples and features are exchanged; on a square batch NumPy cannot notice. Which axis is "
                "averaged away?", _of_gradient("inputs.T", "inputs")),
        Mistake("the inputs are missing: a weight whose input is 0 cannot have changed anything.",
                _of_gradient("inputs.T @ errors / len(errors)", "np.full(inputs.shape[1], errors.mean())")),
        Mistake("this is the average error times the average input. Multiply in each example first, then average.",
                _of_gradient("inputs.T @ errors / len(errors)", "errors.mean() * inputs.mean(axis=0)")),
        Mistake("this is error times weight. What multiplies a weight in the sum?",
                _of_gradient("inputs.T @ errors / len(errors)", "errors.mean() * weights")),
        Mistake("these are weights and bias after a step of descent. The gradient alone is wanted.",
                lambda inputs, labels, weights, bias: tuple(part - slope for part, slope in zip(
                    (weights, bias), logistic_gradient(inputs, labels, weights, bias)))),
        Mistake("the gradient is scaled to length 1. Its length says how steep the loss is.",
                lambda inputs, labels, weights, bias: tuple(part / np.linalg.norm(np.append(
                    *logistic_gradient(inputs, labels, weights, bias)))
                    for part in logistic_gradient(inputs, labels, weights, bias))),
    ), hints=(
        "Start with the errors, probability minus label, one for each example: shape (batch,).",
        "The bias' gradient is their average. A weight's gradient is the average of error times that weight's "
        "input: keep the features, and average over the examples.",
        "`inputs.T` has shape (features, batch). What does `@` with the errors add up? What is missing?",
    )),
    Exercise(identifier="1.5", reference=gates, cases=lambda: [()], observe=_answers_of_gates, mistakes=(
        Mistake("the biases have the signs of thresholds. A bias is minus the threshold.",
                lambda: {gate: (one, other, -bias) for gate, (one, other, bias) in gates().items()}),
        Mistake("all three answer the opposite of what they should.",
                lambda: {gate: tuple(-number for number in numbers) for gate, numbers in gates().items()}),
    ), hints=(
        "With both inputs off, the sum is the bias. With one on, it is bias plus one weight; with both on, bias "
        "plus both. Write the four sums and the sign that each must have.",
        "Give both weights the same value, 1. Then the sums are b, 1 + b, 1 + b and 2 + b: between which two "
        "numbers must b lie for AND, and for OR?",
        "NAND answers the opposite of AND. What happens to the answer when the whole sum changes its sign?",
    )),
)
