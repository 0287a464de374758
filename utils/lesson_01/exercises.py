"""Lesson 1 · Neurons."""

import numpy as np

from utils.exercises.edits import edits_of
from utils.exercises.engine import Exercise, Mistake
from utils.lesson_01.study import gates
from utils.scratch import logistic_gradient, neuron, perceptron_update, sigmoid, sigmoid_derivative, step


def _batches():
    """Return (inputs, weights, bias) cases; the second is square, where transposed weights go through unnoticed."""
    random = np.random.default_rng(0)
    return [
        (np.array([[2.0, -1.0, 0.5]]), np.array([0.5, 1.0, -2.0]), 0.3),
        (np.array([[1.0, 2.0], [-3.0, 0.5]]), np.array([0.4, -0.7]), -0.6),
        (random.normal(size=(5, 3)), random.normal(size=3), 1.5),
        (random.random((6, 784)), random.normal(size=784), -0.2),
    ]


def _sums():
    return [(np.array([0.5]),), (np.array([-1.5, 0.2, 3.0]),), (np.linspace(-6, 6, 12).reshape(3, 4),),
            (np.array([-1000.0, -30.0, 30.0, 1000.0]),)]


def _points():
    """Return (weights, bias, point, both labels, rate) cases. It fires in two; the last sum is 0, where it does not."""
    both, random = np.array([1, 0]), np.random.default_rng(1)
    return [
        (np.array([0.5, -1.0]), 0.4, np.array([1.5, 2.0]), both),
        (np.array([0.5, 1.0]), -0.4, np.array([2.0, -0.2]), both, 0.5),
        (random.normal(size=4), 9.0, random.normal(size=4), both, 0.1),
        (random.normal(size=4), -9.0, random.normal(size=4), both, 2.0),
        (np.array([0.5, 0.25]), -1.25, np.array([1.5, 2.0]), both),
    ]


def _moved_for_each_label(function, weights, bias, point, labels, rate=1.0):
    """Return what the update makes of the same point with each label, and whether it leaves its arguments alone."""
    moved, left_alone, kept = {}, True, (weights.copy(), point.copy())
    for label in labels.tolist():
        pair = function(weights, bias, point, label, rate)
        if not (isinstance(pair, tuple | list) and len(pair) == 2):
            raise ValueError("a pair is wanted, the new weights and the new bias")
        moved |= {f"{what} after label {label}": np.array(each) for what, each in zip(("weights", "bias"), pair)}
        left_alone &= np.array_equal(weights, kept[0]) and np.array_equal(point, kept[1])
        weights[:], point[:] = kept
    return moved | {"are `weights` and `point` as they were? (1 yes, 0 no)": float(left_alone)}


def _batches_and_labels():
    random = np.random.default_rng(2)
    return [
        (np.array([[2.0, -1.0, 0.5], [0.4, 1.0, -2.0]]), np.array([1, 0]), np.array([0.5, 1.0, -0.7]), -0.3),
        (np.array([[2.0, -1.0]]), np.array([1]), np.array([0.5, 1.0]), -0.3),
        (np.array([[1.0, 2.0], [-3.0, 0.5]]), np.array([0, 1]), np.array([0.4, -0.7]), 0.6),
        (random.normal(size=(5, 3)), np.array([1, 0, 0, 1, 0]), random.normal(size=3), 1.5),
        (1000 * random.normal(size=(5, 3)), np.array([1, 0, 0, 1, 0]), random.normal(size=3), 1.5),
        (random.random((40, 784)), np.arange(40) % 2, random.normal(size=784) / 20, -0.2),
    ]


INPUTS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
SIGNS = {"AND": (-1, -1, -1, 1), "OR": (-1, 1, 1, 1), "NAND": (1, 1, 1, -1)}


def _signs_of_sums(function):
    """Return the signs of each gate's four weighted sums, 0 for one on the boundary, up to the first wrong gate.

    Those of later gates are NaN, so that a mistake in one gate is recognised whatever the others are.
    """
    found, seen, right = function(), {}, True
    if not (isinstance(found, dict) and set(found) == set(SIGNS) and
            all(np.shape(each) == (3,) for each in found.values())):
        raise ValueError('a dictionary with the keys "AND", "OR" and "NAND" and three numbers for each is wanted')
    for gate, wanted in SIGNS.items():
        parameters = np.array(found[gate], np.float64)
        sums = neuron(INPUTS, parameters[:2], parameters[2])
        signs = np.where(np.abs(sums) > 1e-9 * np.abs(parameters).max(), np.sign(sums), 0.0)  # 0.1 + 0.2 - 0.3 is 0
        seen[f"{gate}: signs of the sums for 00, 01, 10, 11"] = signs if right else np.full(4, np.nan)
        right = right and np.array_equal(signs, wanted)
    return seen


def _wrong_gate(message, gate, *neurons):
    """Return a mistake for each of the neurons in this gate's place."""
    return [Mistake(message, lambda each=each: gates() | {gate: each}) for each in neurons]


_of_update, _of_gradient = edits_of(perceptron_update), edits_of(logistic_gradient)

EXERCISES = (
    Exercise(identifier="1.1", reference=neuron, cases=_batches, mistakes=(
        Mistake("the bias is forgotten. Without it, the boundary always goes through the origin.",
                lambda inputs, weights, bias: inputs @ weights),
        Mistake("the bias is added once for each feature. It belongs to the neuron: it comes once, after the sum.",
                lambda inputs, weights, bias: (inputs * weights + bias).sum(axis=1)),
        Mistake("the bias is subtracted. It is minus the threshold, so which sign does it have in the sum?",
                lambda inputs, weights, bias: inputs @ weights - bias),
        Mistake("examples and features are exchanged; on a square batch NumPy cannot notice. Which axis of "
                "`inputs` must meet the weights?", lambda inputs, weights, bias: weights @ inputs + bias),
        Mistake("you sum over the examples as well. Each one has a weighted sum of its own.",
                lambda inputs, weights, bias: np.sum(inputs * weights) + bias),
        Mistake("you sum over the examples, and keep the features. Which of the two axes should be left?",
                lambda inputs, weights, bias: (inputs * weights).sum(axis=0) + bias),
        Mistake("the products are not summed yet: one number an example is wanted, not one a feature.",
                lambda inputs, weights, bias: inputs * weights + bias),
        Mistake("you average over the features. The neuron adds up: with more inputs, its sum grows.",
                lambda inputs, weights, bias: (inputs * weights).mean(axis=1) + bias),
        *(Mistake("an activation is applied already. The weighted sum alone is wanted here.",
                  lambda inputs, weights, bias, activation=activation: activation(inputs @ weights + bias))
          for activation in (sigmoid, step)),
    ), hints=(
        "For one example: multiply each feature by its weight, add up the products, add the bias.",
        "For a batch, each row of `inputs` is an example. Which axis should be summed away, so that one number a "
        "row is left?",
        "NumPy's `@` multiplies each row with the weights and adds up. The bias comes after it, once.",
    )),
    Exercise(identifier="1.2", reference=sigmoid_derivative, cases=_sums, tolerance=1e-10, mistakes=(
        Mistake("this is the sigmoid itself, its height. The slope needs a second factor.", sigmoid),
        Mistake("one factor is missing: where the sigmoid is close to 0 it is flat, so the slope must vanish there "
                "too.", lambda sums: 1 - sigmoid(sums)),
        Mistake("you take `sums` for the sigmoid's value. Compute the sigmoid of it first.",
                lambda sums: sums * (1 - sums)),
        Mistake("the second factor takes `sums` for the sigmoid's value: it is 1 less the sigmoid.",
                lambda sums: sigmoid(sums) * (1 - sums)),
        Mistake("the sigmoid is applied twice: this is the slope at sigmoid(a), not at a.",
                lambda sums: sigmoid_derivative(sigmoid(sums))),
        Mistake("the sign is turned: the sigmoid rises everywhere, so its slope is positive.",
                lambda sums: -sigmoid_derivative(sums)),
        Mistake("this is the rule for tanh, one minus the square. The sigmoid's is another product.",
                lambda sums: 1 - sigmoid(sums)**2),
        Mistake("there is a plus where a minus belongs: far to the right the sigmoid is flat, and so its slope "
                "goes to 0.", lambda sums: sigmoid(sums) * (1 + sigmoid(sums))),
        Mistake("right near 0, but for a sum of -1000 it divides infinity by infinity. Say it with `sigmoid`, "
                "which never overflows.", lambda sums: np.exp(-sums) / (1 + np.exp(-sums))**2),
        Mistake("right near 0, but for a sum of 1000 it divides infinity by infinity. Say it with `sigmoid`, which "
                "never overflows.", lambda sums: np.exp(sums) / (1 + np.exp(sums))**2),
    ), hints=(
        "Split the fraction above the cell into a product of two: 1/(1 + exp(-a)), and what remains.",
        "The second factor is exp(-a)/(1 + exp(-a)). Add it to the first: what is their sum?",
        "Height times what is missing to 1. Both can be written with `sigmoid`, and no `np.exp` is needed.",
    )),
    Exercise(identifier="1.3", reference=perceptron_update, cases=_points, observe=_moved_for_each_label, mistakes=(
        Mistake("the rule also moves when the answer was right. What is label minus answer then?",
                _of_update("label - step(sums)[0]", "2 * label - 1")),
        Mistake("the sign is turned: each update makes the same mistake worse. Should the sum of a point with "
                "label 1 grow or shrink?", _of_update("label - step(sums)[0]", "step(sums)[0] - label")),
        Mistake("the bias never moves. It is a weight too, of an input that is always 1.",
                _of_update("bias + rate * error", "bias")),
        Mistake("only points with label 1 are ever corrected. A neuron that fires at a 0 must learn too: this is the "
                "form for labels -1 and 1.", _of_update("label - step(sums)[0]", "label * (step(sums)[0] != label)")),
        Mistake("the weighted sum itself is compared with the label. The perceptron compares its answer, 0 or 1: "
                "where is the `step`?", _of_update("step(sums)", "sums")),
        Mistake("a sigmoid stands where the `step` belongs, so that every point moves the weights a little.",
                _of_update("step(sums)", "sigmoid(sums)")),
        Mistake("the bias is left out when the neuron decides, though it is part of its sum.",
                _of_update("neuron(point[None], weights, bias)", "neuron(point[None], weights, 0)")),
        Mistake("`rate` is not used. It says how far an update goes.",
                _of_update("weights + rate * error", "weights + error", "bias + rate * error", "bias + error")),
        Mistake("`rate` scales the weights' move, but not the bias'.",
                _of_update("bias + rate * error", "bias + error")),
        Mistake("the weights move by the error alone. An input that is large, or negative, must count for what it "
                "is: multiply by `point`.", _of_update("error * point", "error")),
        Mistake("right, but your neuron also fires at a weighted sum of exactly 0. The lesson's `step` fires only "
                "where the sum is positive.", _of_update("step(sums)[0]", "float(sums[0] >= 0)")),
        Mistake("right, but at a weighted sum of exactly 0 your neuron answers ½, as formulas with `np.sign` do. "
                "The lesson's `step` answers 0 there.", _of_update("step(sums)[0]", "(1 + np.sign(sums[0])) / 2")),
        Mistake("right, but `+=` changes the caller's weights in place. Return a new array.",
                _of_update("return (weights + rate * error * point,",
                        "weights += rate * error * point\n    return (weights,")),
    ), hints=(
        "First let the neuron answer: its weighted sum of this one point, then `step`.",
        "The error is label minus answer: 1, 0 or -1. Both weights and bias move by the rate times the error, the "
        "weights also times something else.",
        "Compute `error` in one line. The second line returns a pair, new weights and new bias; when the error is "
        "0 nothing moves, without any `if`.",
    )),
    Exercise(identifier="1.4", reference=logistic_gradient, cases=_batches_and_labels, mistakes=(
        Mistake("you sum over the batch. Average, so that the step does not grow with the number of examples.",
                _of_gradient(" / len(errors)", "", "errors.mean()", "errors.sum()")),
        Mistake("you divide by the number of examples twice.",
                _of_gradient("errors.mean()", "errors.mean() / len(errors)", "/ len(errors),", "/ len(errors) ** 2,")),
        Mistake("both signs are turned: this points downhill. The gradient points uphill; descent subtracts it "
                "later.", _of_gradient("sigmoid(sums) - labels", "labels - sigmoid(sums)")),
        Mistake("the weights' gradient is averaged, but the bias' is summed.",
                _of_gradient("errors.mean()", "errors.sum()")),
        Mistake("the bias' gradient is averaged, but the weights' is summed.", _of_gradient(" / len(errors)", "")),
        Mistake("the bias' gradient is still one number an example. There is one bias: which axis is left to "
                "average over?", _of_gradient("errors.mean()", "errors")),
        Mistake("the bias' gradient contains the inputs. The bias' own input is always 1.",
                _of_gradient("errors.mean()", "(inputs.T @ errors / len(errors)).mean()")),
        Mistake("you average over the features too. Each weight has a gradient of its own size.",
                _of_gradient("len(errors)", "inputs.size")),
        Mistake("a factor p (1 - p) is left over: it cancels in the third line of the derivation.",
                _of_gradient("sigmoid(sums) - labels", "(sigmoid(sums) - labels) * sigmoid_derivative(sums)")),
        Mistake("the sigmoid is missing: the label is compared with the weighted sum, not with a probability.",
                _of_gradient("sigmoid(sums)", "sums")),
        Mistake("this is the perceptron's error, from a `step`. The logistic neuron answers with a probability.",
                _of_gradient("sigmoid(sums)", "step(sums)")),
        Mistake("the bias is forgotten in the weighted sum.",
                _of_gradient("neuron(inputs, weights, bias)", "neuron(inputs, weights, 0)")),
        Mistake("examples and features are exchanged; on a square batch NumPy cannot notice. Which axis is "
                "averaged away?", _of_gradient("inputs.T", "inputs")),
        Mistake("the inputs are missing: a weight whose input is 0 cannot have changed anything.",
                _of_gradient("inputs.T @ errors / len(errors)", "np.full(inputs.shape[1], errors.mean())")),
    ), hints=(
        "Start with the errors, probability minus label, one for each example: shape (batch,).",
        "The bias' gradient is their average. A weight's gradient is the average of error times that weight's "
        "input: features must be left, examples averaged away.",
        "`inputs.T` has shape (features, batch). What does `@` with the errors do with the batch axis, and what is "
        "missing for an average?",
    )),
    Exercise(identifier="1.5", reference=gates, cases=lambda: [()], observe=_signs_of_sums, mistakes=(
        *_wrong_gate("your AND fires when one input is on: it is an OR. How low must the bias be, so that one "
                     "weight cannot lift the sum above 0?", "AND", (1, 1, -0.5)),
        *_wrong_gate("your AND fires whatever the inputs are. With both inputs off the sum is the bias alone: "
                     "which sign must it have?", "AND", (1, 1, 1)),
        *_wrong_gate("your AND never fires. With both inputs on, both weights together must outweigh the bias.",
                     "AND", (1, 1, -3)),
        *_wrong_gate("your AND has all signs turned: it is a NAND.", "AND", (-1, -1, 1.5)),
        *_wrong_gate("your OR fires only when both inputs are on: it is an AND. Each weight alone must lift the "
                     "sum above 0.", "OR", (1, 1, -1.5)),
        *_wrong_gate("your OR fires whatever the inputs are. With both inputs off the sum is the bias alone: which "
                     "sign must it have?", "OR", (1, 1, 0.5)),
        *_wrong_gate("your NAND is an AND: it fires exactly where it should not. Which signs turn round with it?",
                     "NAND", (1, 1, -1.5)),
        *_wrong_gate("your NAND fires only when both inputs are off: that is NOR. One input alone must not pull "
                     "the sum below 0.", "NAND", (-1, -1, 0.5)),
        *_wrong_gate("your NAND never fires. You have turned the weights' signs: what about the bias?",
                     "NAND", (-1, -1, -1.5)),
        *_wrong_gate("your NAND fires when an input is on, but not when both are off: it is an OR.",
                     "NAND", (1, 1, -0.5)),
        *_wrong_gate("in your AND an input lies exactly on the boundary: its sum is 0. Move the bias, so that no "
                     "sum is 0.", "AND", (1, 1, -1), (1, 1, -2), (1, 1, 0)),
        *_wrong_gate("in your OR an input lies exactly on the boundary: its sum is 0. Move the bias, so that no "
                     "sum is 0.", "OR", (1, 1, 0), (1, 1, -1)),
        *_wrong_gate("in your NAND an input lies exactly on the boundary: its sum is 0. Move the bias, so that no "
                     "sum is 0.", "NAND", (-1, -1, 2), (-1, -1, 1)),
    ), hints=(
        "With both inputs off, the sum is the bias. With one on, it is bias plus one weight; with both on, bias "
        "plus both. Write the four sums and the sign that each must have.",
        "Give both weights the same value, 1. Then the sums are b, 1 + b, 1 + b and 2 + b: between which two "
        "numbers must b lie for AND, and for OR?",
        "NAND answers the opposite of AND. What happens to the answer when the whole sum changes its sign?",
    )),
)
