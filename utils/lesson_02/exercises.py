"""Lesson 2 · Feedforward networks."""

import numpy as np
from scipy.special import logsumexp

from utils.exercises.comparing import Fact, as_numbers, kind_of
from utils.exercises.edits import edits_of
from utils.exercises.engine import Exercise, Mistake, mistakes
from utils.exercises.running import Unusable
from utils.scratch import dense_backward, dense_forward, gradient_check, he_initialisation, softmax_cross_entropy


def _layers():
    """Yield (inputs, weights, bias): one square, where a transpose goes through; the last, of many neurons."""
    random = np.random.default_rng(0)
    yield (np.array([[1.0, -2.0], [0.5, 1.5]]), np.array([[0.5, 2.0, -1.0], [1.0, 0.3, 0.2]]),
           np.array([0.1, -0.2, 0.4]))
    for batch, fan_in, fan_out in ((3, 3, 3), (5, 4, 2), (100, 40, 60)):
        yield random.normal(size=(batch, fan_in)), random.normal(size=(fan_in, fan_out)), random.normal(size=fan_out)


def _layers_backwards():
    """Yield (output_gradient, inputs, weights), likewise."""
    random = np.random.default_rng(1)
    yield (np.array([[1.0, -0.5], [0.3, 2.0]]), np.array([[2.0, 3.0, -1.0], [-0.4, 0.6, 1.0]]),
           np.array([[0.5, 2.0], [1.0, -0.3], [0.2, -1.0]]))
    for batch, fan_in, fan_out in ((3, 3, 3), (5, 4, 2), (100, 40, 60)):
        yield (random.normal(size=(batch, fan_out)), random.normal(size=(batch, fan_in)),
               random.normal(size=(fan_in, fan_out)))


def _logits_and_labels():
    """Yield logits small, large enough to round a probability to 0, and so large that exp overflows."""
    random = np.random.default_rng(2)
    yield np.array([[1.0, 2.0, -0.5, 0.3], [0.2, -1.0, 1.5, 0.7]]), np.array([1, 2])
    yield np.array([[1.0, 2.0, -0.5]]), np.array([1])
    yield random.normal(0, 2, (4, 3)), np.array([2, 0, 1, 1])
    yield random.normal(0, 3, (6, 10)), np.array([3, 9, 0, 4, 7, 1], np.uint8)  # MNIST's labels are bytes
    yield np.array([[0.0, 50.0, -40.0], [3.0, 1.0, 30.0]]), np.array([0, 2])
    yield np.array([[1000.0, -1000.0, 999.0], [-1000.0, -1001.0, -998.0]]), np.array([1, 0])
    yield random.normal(0, 2, (100, 10)), random.integers(0, 10, 100).astype(np.uint8)


def _scored(loss=None, gradient=None):
    """Return `softmax_cross_entropy` with another loss, or another gradient but for the 1/batch.

    Both are functions of the log-probabilities, the labels as rows of zeros with a 1, and the logits.
    """
    def mistaken(logits, labels):
        parts = logits - logsumexp(logits, axis=1, keepdims=True), np.eye(logits.shape[1])[labels], logits
        right = softmax_cross_entropy(logits, labels)
        return loss(*parts) if loss else right[0], gradient(*parts) / len(labels) if gradient else right[1]

    return mistaken


def _with_log_probabilities(log_probabilities):
    """Return `softmax_cross_entropy` with other log-probabilities, a function of the logits."""
    def mistaken(logits, labels):
        logs, truth = log_probabilities(logits), np.eye(logits.shape[1])[labels]
        return -logs[truth == 1].mean(), (np.exp(logs) - truth) / len(labels)

    return mistaken


_RULES = (  # standard deviations that are not He's
    ("the 2 is not under the root. It is part of the variance.", lambda fan_in, fan_out: 2 / np.sqrt(fan_in)),
    ("`fan_in` is not under the root. It is part of the variance.", lambda fan_in, fan_out: np.sqrt(2) / fan_in),
    ("the variance has fan_out in it. How many terms does one neuron add up?",
     lambda fan_in, fan_out: np.sqrt(2 / fan_out)),
    ("this is Glorot's rule, 2 / (fan_in + fan_out), made for tanh. It takes no account of what the ReLU stops.",
     lambda fan_in, fan_out: np.sqrt(2 / (fan_in + fan_out))),
    ("the variance is divided by the number of all weights. One neuron adds up fan_in terms only.",
     lambda fan_in, fan_out: np.sqrt(2 / (fan_in * fan_out))),
    ("the fraction is upside down: with more inputs, the weights must be smaller.",
     lambda fan_in, fan_out: np.sqrt(fan_in / 2)),
    ("these are standard normal numbers, not scaled. How large is a sum of fan_in of them?",
     lambda fan_in, fan_out: 1.0),
    ("the numbers are divided by `fan_in` itself. Variances add up: which root of it scales the numbers?",
     lambda fan_in, fan_out: 1 / fan_in),
    ("the variance is squared. How do you get a standard deviation from a variance?",
     lambda fan_in, fan_out: (2 / fan_in)**2),
    ("the variance is 6 / fan_in. Its root is the bound of a uniform distribution, not a standard deviation.",
     lambda fan_in, fan_out: np.sqrt(6 / fan_in)),
)
_VARIED = Fact("do the weights differ?", "all weights are the same number. Each needs a draw of its own.")
_COLUMNS = Fact("do the neurons differ?", "all neurons start with the same weights, and would always learn the same. "
                "Each weight needs a draw of its own.")
_ROWS = Fact("do a neuron's weights differ?", "within each neuron all weights are the same. Each needs its own draw.")
_DECIDES = Fact("does `random`, and nothing else, decide the draw?", "the generator `random` does not decide the draw. "
                "Call `random.normal`, not `np.random.normal`, and make no generator of your own.")
_SIGNS = Fact("are there negative weights?", "all weights are positive. Their mean must be 0, or every sum drifts.")
_MEAN = Fact("is their mean 0?", "the mean of the weights is not 0. The first argument of `random.normal` is the mean, "
             "the second the standard deviation.")
_MANY = Fact("are there many different weights?", "there are only a few different numbers among the weights. Are they "
             "rounded, or only their signs drawn?")
_TAILS = Fact("do some lie far out?", "no weight lies far from the others: they are uniform, or cut off. Draw from a "
              "normal distribution, and use them as they come.")
_FAN_IN = Fact("does `fan_in` matter?", "the standard deviation is the same whatever `fan_in` is. Is a number typed in "
               "its place?")


def _facts_of_draws(function, fan_in, fan_out):
    """Return facts about a draw of weights; each layer has thousands of them, so that none is chance."""
    def draw(random, inputs=fan_in):
        weights = function(inputs, fan_out, random)
        numbers = as_numbers(weights)
        if numbers is None or numbers.shape != (inputs, fan_out):
            turned = " It is transposed: each row belongs to one input." * (np.shape(numbers) == (fan_out, inputs))
            raise Unusable(f"shape ({inputs}, {fan_out}) is wanted, but {kind_of(weights)} came back.{turned}")
        if not np.isfinite(numbers).all():
            raise Unusable("some of the weights are NaN or infinite.")
        return np.array(numbers, np.float64)

    random = np.random.default_rng(3)
    first, second = draw(random), draw(random)
    deviation, wanted = first.std(), np.sqrt(2 / fan_in)
    return {
        _VARIED: np.ptp(first) > 0,
        _COLUMNS: bool(np.ptp(first, axis=1).any()),
        _ROWS: bool(np.ptp(first, axis=0).any()),
        _DECIDES: np.array_equal(first, draw(np.random.default_rng(3))) and not (
            np.array_equal(first, draw(np.random.default_rng(4))) or np.array_equal(first, second)),
        _SIGNS: first.min() < 0,
        _MEAN: abs(first.mean()) < 0.1 * deviation,
        _MANY: len(np.unique(first)) > first.size / 2,
        _TAILS: np.abs(first - first.mean()).max() > 2.5 * deviation,
        **{fact: not np.isclose(deviation, rule(fan_in, fan_out), rtol=0.03) for fact, rule in _FACTS_OF_RULES},
        _FAN_IN: not np.isclose(deviation, draw(random, 4 * fan_in).std(), rtol=0.03),
        "their standard deviation, as a share of the one wanted": np.round(deviation / wanted, 1),
        "percent of them beyond one standard deviation, in tens":
            np.round(100 * np.mean(np.abs(first - first.mean()) > deviation), -1),
    }


_FACTS_OF_RULES = [(Fact(f"is it another rule than {number}?", sentence), rule)
                   for number, (sentence, rule) in enumerate(_RULES)]


def _cubic(point):
    return np.sum(point**3) + np.prod(np.cos(point))


def _cubic_gradient(point):
    cosines = np.cos(point)
    return 3 * point**2 - np.sin(point) * np.prod(cosines) / cosines


def _falling(point):
    if point.shape != (2, 3):
        raise ValueError(f"this function takes an array of shape (2, 3), as `point` is, but got {point.shape}")
    return np.sum(np.exp(-point)) - 3 * np.sum(point)


def _gradients_to_check():
    """Return right and wrong gradients of a curved function, with steps that leave an error to be seen."""
    random = np.random.default_rng(5)
    points = [np.array([0.5, -1.2]), random.normal(size=(2, 3)), random.normal(size=(2, 2, 2))]
    right = [_cubic_gradient(point) for point in points]
    return [
        (_cubic, points[0], right[0] * np.array([1.0, 1.5]), 0.1),
        (_cubic, points[0], right[0], 0.1),
        (_cubic, points[1], right[1] + np.arange(6).reshape(2, 3), 1e-6),
        (_cubic, points[1], right[1], 0.3),
        (_cubic, points[2], right[2], 1e-5),
        (_cubic, points[2], -right[2], 0.2),
        (_falling, points[1], -2 * (np.exp(-points[1]) + 3), 1e-5),  # all slopes are negative
    ]


def _judged(judge):
    """Return `gradient_check` with another end, a function of gradient, slopes, and the largest size in both."""
    def mistaken(function, point, gradient, step=1e-6):
        nudges = step * np.eye(point.size).reshape(-1, *point.shape)
        slopes = np.array([function(point + nudge) - function(point - nudge) for nudge in nudges]) / (2 * step)
        return judge(gradient.ravel(), slopes, max(np.abs(gradient).max(), np.abs(slopes).max()))

    return mistaken


_of_backward, _of_loss = edits_of(dense_backward), edits_of(softmax_cross_entropy)
_of_initialisation, _of_check = edits_of(he_initialisation), edits_of(gradient_check)
# Two pieces of source: the logarithm of the softmax by the formula, and that of probabilities which may round to 0.
_LOG_SOFTMAX = "shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))"
_LOG_OF_SOFTMAX = "np.log(np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True))"

EXERCISES = (
    Exercise(identifier="2.1", reference=dense_forward, cases=_layers, calls=20_000, mistakes=(
        Mistake("the weights are transposed. They have one neuron per column already, (fan_in, fan_out).",
                lambda x, w, b: x @ w.T + b),
        Mistake("the sums are multiplied by the bias. It is a term of its own.", lambda x, w, b: x @ w * b),
        Mistake("the bias is added once for each input, inside the sum. It comes once, after it.",
                lambda x, w, b: x @ w + len(w) * b),
        Mistake("the bias is added down the batch, one number per example. It belongs to the neurons, one number "
                "per column.", lambda x, w, b: x @ w + b[:, None]),
        Mistake("`*` multiplies element by element. A neuron adds its products up: which operator does both?",
                lambda x, w, b: x * w + b),
        Mistake("the factors are in the wrong order: every row of the *inputs* meets every column of the weights.",
                lambda x, w, b: w @ x + b),
        *mistakes("the products are divided by the number of inputs, or its root. A neuron adds them up as they are.",
                   lambda x, w, b: x @ w / len(w) + b, lambda x, w, b: x @ w / np.sqrt(len(w)) + b),
        *mistakes("some inputs do not count. Is one left out, or does each product overwrite the one before?",
                   *(lambda x, w, b, kept=kept: x[:, kept] @ w[kept] + b for kept in (
                       slice(1, None), slice(-1), slice(1), slice(-1, None)))),
        Mistake("the running total goes on from one neuron to the next. It must begin at 0 for each.",
                lambda x, w, b: np.cumsum(x @ w, axis=1) + b),
        Mistake("the column of ones meets a row of weights, and the biases an input. Put both first, or both last.",
                lambda x, w, b: np.hstack([np.ones((len(x), 1)), x]) @ np.vstack([w, b])),
    ), hints=(
        "The drawing above is the whole answer: which two arrays are multiplied, and what is added to each row?",
        "`@` is NumPy's matrix product. (batch, fan_in) @ (fan_in, fan_out) is (batch, fan_out).",
        "An array of shape (fan_out,) plus one of shape (batch, fan_out): NumPy adds it to every row by itself.",
    )),
    Exercise(identifier="2.2", reference=dense_backward, cases=_layers_backwards, calls=20_000, mistakes=(
        Mistake("the gradients for weights and bias are averaged over the batch once more. The loss was an average "
                "already, so that 1/batch is in `output_gradient`.",
                _of_backward("@ output_gradient", "@ output_gradient / len(inputs)", "sum(", "mean(")),
        Mistake("the bias' gradient contains the inputs. The bias' own input is always 1.",
                _of_backward("output_gradient.sum(axis=0)", "(inputs.T @ output_gradient).sum(axis=0)")),
        *mistakes("only one example counts. Each overwrites the one before: add them up.",
                   _of_backward("inputs.T @ output_gradient", "np.outer(inputs[-1], output_gradient[-1])"),
                   _of_backward("output_gradient.sum(axis=0)", "output_gradient[-1]")),
        Mistake("the gradient for the inputs lacks a transpose: the error travels back from neurons to inputs.",
                _of_backward("weights.T", "weights")),
        Mistake("the gradient for the weights lacks a transpose: it must have the weights' shape, (fan_in, fan_out).",
                _of_backward("inputs.T", "inputs")),
        *mistakes("the three gradients come in another order: inputs, weights, bias are wanted.",
                   _of_backward("output_gradient @ weights.T, ", "", "axis=0)", "axis=0), output_gradient @ weights.T"),
                   _of_backward("inputs.T @ output_gradient, ", "", "axis=0)", "axis=0), inputs.T @ output_gradient")),
        *mistakes("a ReLU's gate is in it. This layer ends before the ReLU, which has a backward step of its own.",
                   _of_backward("output_gradient @ weights.T", "output_gradient @ weights.T * (inputs > 0)"),
                   lambda g, x, w: dense_backward(np.maximum(g, 0), x, w)),
        *mistakes("a gradient is multiplied by what it is for. Which of the factors is left when you take the slope?",
                   _of_backward("output_gradient @ weights.T", "output_gradient @ weights.T * inputs"),
                   _of_backward("inputs.T @ output_gradient", "inputs.T @ output_gradient * weights")),
        Mistake("these are the weights after a step of descent. Their gradient alone is wanted.",
                _of_backward("inputs.T @ output_gradient", "weights - inputs.T @ output_gradient")),
    ), hints=(
        "Three formulas stand above the cell, one for each gradient. Translate sum by sum: over which index does "
        "each of them run?",
        "A gradient has the shape of what it is for. (batch, fan_in), (fan_in, fan_out) and (batch, fan_out) can "
        "be multiplied in only one way that gives each.",
        "Two matrix products with one `.T` each, and one `.sum(axis=…)`, returned as a tuple.",
    )),
    Exercise(identifier="2.3", reference=softmax_cross_entropy, cases=_logits_and_labels, calls=10_000, mistakes=(
        *mistakes("right for small logits, but the tiny number under the logarithm hides how wrong the network is: "
                   "the loss of a label can no longer grow without bound.",
                   *(_scored(lambda logs, truth, _, tiny=tiny: -np.log(np.exp(logs[truth == 1]) + tiny).mean())
                     for tiny in (1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-12))),
        Mistake("the largest logit is subtracted under the exponential, but not from the label's logit.",
                _scored(lambda logs, truth, logits: -np.mean(logs[truth == 1]) - logits.max(axis=1).mean())),
        *mistakes("the softmax runs over the batch. The probabilities of one example, a row, must add up to 1.",
                   _of_loss(_LOG_SOFTMAX, _LOG_OF_SOFTMAX.replace("axis=1", "axis=0"), "max(axis=1", "max(axis=0"),
                   *(_with_log_probabilities(lambda logits, axis=axis: logits - logsumexp(logits, axis=axis))
                     for axis in (0, None))),
        Mistake("a sigmoid for each class stands in the softmax's place. The probabilities of a row must add up to 1.",
                _with_log_probabilities(lambda logits: -np.logaddexp(0, -logits))),
        Mistake("the loss contains log(1 - p) of the other classes. Only the label's probability counts.",
                _scored(lambda logs, truth, _: -np.where(truth == 1, np.log(np.exp(logs)), np.log1p(-np.exp(logs)))
                        .sum(axis=1).mean())),
        Mistake("the loss is a squared error. The cross-entropy is minus the logarithm of the label's probability.",
                _scored(lambda logs, truth, _: ((np.exp(logs) - truth)**2).sum(axis=1).mean())),
        Mistake("the logarithm is missing in the loss: this is 1 minus the label's probability.",
                _scored(lambda logs, truth, _: 1 - np.exp(logs[truth == 1]).mean())),
        Mistake("the probabilities are averaged before the logarithm is taken. Each example has a loss of its own.",
                _scored(lambda logs, truth, _: -np.log(np.exp(logs[truth == 1]).mean()))),
        *mistakes("`[:, labels]` picks every label in every row. Pair each row with its own label.",
                   _of_loss("gradient[rows,", "gradient[:,", "log_probabilities[rows,", "log_probabilities[:,"),
                   _of_loss("gradient[rows,", "gradient[:,"), _of_loss("probabilities[rows,", "probabilities[:,")),
        Mistake("the labels are counted from 1. They begin at 0, as NumPy's columns do.", lambda logits, labels:
                softmax_cross_entropy(logits, (labels.astype(int) - 1) % logits.shape[1])),
        Mistake("the loss is right, but its gradient lacks the 1 at the label: these are the probabilities.",
                _of_loss("gradient[rows, labels] -= 1", "")),
        Mistake("the label's number is subtracted from all probabilities. Subtract 1, and only at the label.",
                _scored(None, lambda logs, truth, _: np.exp(logs) - truth.argmax(axis=1)[:, None])),
        Mistake("only the label's logit gets a gradient. The others take part in the softmax, and must fall.",
                _scored(None, lambda logs, truth, _: truth * (np.exp(logs) - 1))),
        Mistake("this is the gradient for the probabilities, -1/p. The logits are one link further back.",
                _scored(None, lambda logs, truth, _: -truth / np.exp(logs))),
        Mistake("the gradient has a factor p (1 - p) too many. Where does it cancel?",
                _scored(None, lambda logs, truth, _: (np.exp(logs) - truth) * np.exp(logs) * (1 - np.exp(logs)))),
    ), hints=(
        "First make the logits harmless: subtract from each row its largest (`max(axis=1, keepdims=True)`).",
        "The logarithm of the softmax is the shifted logit minus the log of the sum of `exp` of the shifted "
        "logits; `exp` of all that are the probabilities.",
        "`[np.arange(len(labels)), labels]` picks each row's label, from the log-probabilities for the loss, and "
        "from the probabilities to subtract 1. Then divide the gradient by the batch size.",
    )),
    Exercise(identifier="2.4", reference=he_initialisation, cases=lambda: [(40, 200), (100, 80), (160, 50)],
             observe=_facts_of_draws, mistakes=(
        Mistake("the variance is 1 / fan_in. The ReLU loses half of the signal: what makes up for it?",
                _of_initialisation("2 / fan_in", "1 / fan_in")),
        Mistake("2 / fan_in is the variance, and `random.normal` wants a standard deviation.",
                _of_initialisation("np.sqrt(2 / fan_in)", "2 / fan_in")),
    ), hints=(
        "Var(a) = fan_in · Var(w) · E[h²], and a ReLU leaves E[h²] = ½ Var(a) of the layer before. Which Var(w) "
        "leaves everything as it was?",
        "`random.normal(mean, standard_deviation, shape)`: the second argument is a standard deviation. How do you "
        "get it from a variance?",
        "Mean 0, the root of the variance above the cell, and a shape with the inputs as rows.",
    )),
    Exercise(identifier="2.5", reference=gradient_check, cases=_gradients_to_check, mistakes=(
        Mistake("the error is divided by the largest slope with its sign. Where all slopes are negative, that is "
                "the smallest one, and the error itself turns negative: take absolute values first.",
                _judged(lambda g, s, _: np.abs(g - s).max() / max(g.max(), s.max()))),
        Mistake("the difference is taken forwards only, from x to x + h, and its error shrinks no faster than h. "
                "Step to both sides.", _of_check("point - nudge", "point", "2 * step", "step")),
        Mistake("the difference is taken backwards only. Step to both sides.",
                _of_check("point + nudge", "point", "2 * step", "step")),
        Mistake("every slope is twice too large: how far apart are the two points?", _of_check("2 * step", "step")),
        Mistake("you multiply by the step. `/ 2 * step` first divides by 2: which brackets are missing?",
                _of_check("/ (2 * step)", "/ 2 * step")),
        Mistake("both steps go half as far as you divide by. From x − h to x + h it is 2h.",
                _of_check("point + nudge", "point + nudge / 2", "point - nudge", "point - nudge / 2")),
        Mistake("the slopes have the wrong sign: f(x + h) − f(x − h), not the other way round.",
                _judged(lambda g, s, largest: np.abs(g + s).max() / largest)),
        Mistake("you compute in float32, which has 7 digits: the difference of two such numbers has hardly any left. "
                "Make the point float64 first.",
                _of_check("np.array(point, np.float64)", "np.array(point, np.float32)", "np.zeros(point.shape))",
                          "np.zeros_like(point))")),
        Mistake("each nudge is a multiple of the number itself, and the division is by the plain step.",
                _of_check("nudge[index] = step", "nudge[index] = step * point[index]")),
        Mistake("this is the error itself. Divide by the largest slope: a difference of 0.01 is much for a slope "
                "of 0.1 and nothing for 1000.", _judged(lambda g, s, _: np.abs(g - s).max())),
        Mistake("each number is compared with its own slope. The formula divides by the largest slope of the whole "
                "array, so that rounding in a slope of nearly 0 does no harm.",
                _judged(lambda g, s, _: (np.abs(g - s) / np.maximum(np.abs(g), np.abs(s))).max())),
        Mistake("you divide by the gradient's largest number alone. The slopes may hold a larger one.",
                _judged(lambda g, s, _: np.abs(g - s).max() / np.abs(g).max())),
        Mistake("you divide by the largest slope alone. The gradient may hold a larger number.",
                _judged(lambda g, s, _: np.abs(g - s).max() / np.abs(s).max())),
        Mistake("you divide by the smaller of the two largest numbers. The formula takes the larger.",
                _judged(lambda g, s, _: np.abs(g - s).max() / min(np.abs(g).max(), np.abs(s).max()))),
        Mistake("you divide by the sum of the two largest numbers. The formula takes the larger of them.",
                _judged(lambda g, s, _: np.abs(g - s).max() / (np.abs(g).max() + np.abs(s).max()))),
        Mistake("you average the errors. One wrong number among a million must show: take the largest.",
                _judged(lambda g, s, largest: np.abs(g - s).mean() / largest)),
        Mistake("lengths are compared. One wrong number among a million must show: take the largest.",
                _judged(lambda g, s, _: np.linalg.norm(g - s) / max(np.linalg.norm(g), np.linalg.norm(s)))),
        Mistake("errors of different signs cancel: take the size of each difference first (`np.abs`).",
                _judged(lambda g, s, largest: np.max(g - s) / largest)),
        Mistake("the signs are lost: a gradient that points the wrong way would pass. Subtract before `np.abs`.",
                _judged(lambda g, s, largest: np.abs(np.abs(g) - np.abs(s)).max() / largest)),
        Mistake("only the two largest numbers are compared. Each of the gradient has its own slope to agree with.",
                _judged(lambda g, s, largest: abs(np.abs(g).max() - np.abs(s).max()) / largest)),
        Mistake("this is the angle between gradient and slopes. A gradient twice too long would pass.",
                _judged(lambda g, s, _: 1 - g @ s / np.linalg.norm(g) / np.linalg.norm(s))),
        *mistakes("only one number of the point is judged. The largest of all errors is wanted.",
                   *(_judged(lambda g, s, _, i=i: abs(g[i] - s[i]) / max(abs(g[i]), abs(s[i]))) for i in (0, -1)),
                   *(_judged(lambda g, s, most, i=i: abs(g[i] - s[i]) / most) for i in (0, -1))),
        Mistake("all numbers are nudged at once, which gives a single slope for all. Nudge one at a time.",
                _of_check("nudge[index] = step", "nudge[...] = step")),
        Mistake("a whole row is nudged at once. `np.ndindex(point.shape)` visits each number, in any shape.",
                _of_check("np.ndindex(point.shape)", "range(len(point))")),
        *mistakes("the point is not put back after a nudge: work on a copy, and undo each nudge before the next.",
                   _of_check("nudge[index] = 0", "pass"),
                   _of_check("np.array(point, np.float64)", "point",
                             "nudge[index] = step", "point[index] += step\n        above = function(point)",
                             "slopes[index] =", "point[index] -= 2 * step\n        slopes[index] =",
                             "function(point + nudge) - function(point - nudge)", "above - function(point)")),
        Mistake("every slope comes out as 0. Are the points above and below two arrays, or two names for one?",
                _of_check("nudge[index] = step", "pass")),
    ), hints=(
        "`for index in np.ndindex(point.shape)` visits every number of an array of any shape. At each, nudge this "
        "one number up and down and see how far the function moves.",
        "An array `nudge` of zeros (float64) with `step` at one place: `function(point + nudge)` leaves `point` "
        "alone. Divide the difference by how far apart the two points are.",
        "In the end two numbers: the largest |gradient − slope| of all, divided by the largest size that occurs in "
        "either of the two arrays.",
    )),
)
