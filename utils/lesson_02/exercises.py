"""Lesson 2 · Feedforward networks."""

import numpy as np

from utils.exercises.edits import edits_of
from utils.exercises.engine import Exercise, Mistake
from utils.scratch import dense_backward, dense_forward, gradient_check, he_initialisation, softmax_cross_entropy


def _layers():
    """Return (inputs, weights, bias) cases; square ones too, where transposed or misplaced arrays go through."""
    random = np.random.default_rng(0)
    return [
        (np.array([[1.0, -2.0]]), np.array([[0.5, 2.0, -1.0], [1.0, 0.3, 0.2]]), np.array([0.1, -0.2, 0.4])),
        *((random.normal(size=(batch, fan_in)), random.normal(size=(fan_in, fan_out)), random.normal(size=fan_out))
          for batch, fan_in, fan_out in ((3, 3, 3), (5, 4, 2), (8, 784, 10))),
    ]


def _layers_backwards():
    """Return (output_gradient, inputs, weights) cases, likewise."""
    random = np.random.default_rng(1)
    return [
        (np.array([[1.0, -0.5]]), np.array([[2.0, 3.0, -1.0]]), np.array([[0.5, 2.0], [1.0, -0.3], [0.2, -1.0]])),
        *((random.normal(size=(batch, fan_out)), random.normal(size=(batch, fan_in)),
           random.normal(size=(fan_in, fan_out))) for batch, fan_in, fan_out in ((3, 3, 3), (5, 4, 2), (8, 12, 10))),
    ]


def _logits_and_labels():
    """Return logits small, large enough to round a probability to 0, and so large that exp overflows."""
    random = np.random.default_rng(2)
    return [
        (np.array([[1.0, 2.0, -0.5, 0.3], [0.2, -1.0, 1.5, 0.7]]), np.array([1, 2])),
        (np.array([[1.0, 2.0, -0.5]]), np.array([1])),
        (random.normal(0, 2, (4, 3)), np.array([2, 0, 1, 1])),
        (random.normal(0, 3, (6, 10)), np.array([3, 9, 0, 4, 7, 1])),
        (np.array([[0.0, 50.0, -40.0], [3.0, 1.0, 30.0]]), np.array([0, 2])),
        (np.array([[1000.0, -1000.0, 999.0], [-1000.0, -1001.0, -998.0]]), np.array([1, 0])),
    ]


def _moments_of_draws(function, fan_in, fan_out):
    """Return what tells right draws from wrong ones: shape, moments relative to the right ones, and the generator.

    Each layer has tens of thousands of weights, so that rounding hides the scatter of their moments.
    """
    draws = [function(fan_in, fan_out, np.random.default_rng(seed)) for seed in (3, 3, 4)]
    if draws[0] is None:
        return None
    first, same, other = (np.asarray(draw, np.float64) for draw in draws)
    wanted, came = np.sqrt(2 / fan_in), first.std()
    return {
        "shape of the weights": np.array(first.shape),
        "their mean, as a share of the standard deviation wanted": np.round(first.mean() / wanted, 1),
        "their standard deviation, as a share of the one wanted": np.round(came / wanted, 1),
        "percent of them beyond one standard deviation, in tens":
            np.round(100 * np.mean(np.abs(first - first.mean()) > came), -1),
        "does `random`, and nothing else, decide the draw? (1 yes, 0 no)":
            float(np.array_equal(first, same) and not np.array_equal(first, other)),
    }


def _cubic(point):
    return np.sum(point**3) + np.prod(np.cos(point))


def _cubic_gradient(point):
    cosines = np.cos(point)
    return 3 * point**2 - np.sin(point) * np.prod(cosines) / cosines


def _falling(point):
    return np.sum(np.exp(-point)) - 3 * np.sum(point)


def _gradients_to_check():
    """Return right and wrong gradients of a curved function, with steps that leave an error to be seen."""
    random = np.random.default_rng(5)
    points = [np.array([0.5, -1.2]), random.normal(size=(2, 3)), random.normal(size=(2, 2, 2)).astype(np.float32)]
    right = [_cubic_gradient(np.asarray(point, np.float64)) for point in points]
    return [
        (_cubic, points[0], right[0] * np.array([1.0, 1.5]), 0.1),
        (_cubic, points[0], right[0], 0.1),
        (_cubic, points[1], right[1] + np.arange(6).reshape(2, 3), 1e-6),
        (_cubic, points[1], right[1], 0.3),
        (_cubic, points[2], right[2], 1e-5),
        (_cubic, points[2], -right[2], 0.2),
        (_falling, points[1], -2 * (np.exp(-points[1]) + 3), 1e-5),  # all slopes are negative
    ]


def _checked(function, of, point, gradient, step):
    """Return the error found, and whether the point is still as it was after and whenever the function is called."""
    kept = np.array(point)
    error = function(of, point, gradient, step)
    return {"error": error, "is `point` as it was? (1 yes, 0 no)": float(np.array_equal(point, kept))}


_of_backward, _of_loss = edits_of(dense_backward), edits_of(softmax_cross_entropy)
_of_initialisation, _of_check = edits_of(he_initialisation), edits_of(gradient_check)
# Two pieces of source: the logarithm of the softmax by the formula, and that of probabilities which may round to 0.
_LOG_SOFTMAX = "shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))"
_LOG_OF_SOFTMAX = "np.log(np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True))"

EXERCISES = (
    Exercise(identifier="2.1", reference=dense_forward, cases=_layers, mistakes=(
        Mistake("the weights are transposed. They come with one neuron a column already, (fan_in, fan_out).",
                lambda inputs, weights, bias: inputs @ weights.T + bias),
        Mistake("the bias is missing. What does a neuron give for an input of zeros?",
                lambda inputs, weights, bias: inputs @ weights + 0 * bias),
        Mistake("the bias is subtracted. In this course it is added, as in Keras.",
                lambda inputs, weights, bias: inputs @ weights - bias),
        Mistake("the bias is added down the batch, one number an example. It belongs to the neurons, one number a "
                "column.", lambda inputs, weights, bias: inputs @ weights + bias[:, None]),
        Mistake("`*` multiplies element by element. A neuron adds its products up: which operator does both?",
                lambda inputs, weights, bias: inputs * weights + bias),
        Mistake("an activation is in it already. Here the plain weighted sums are wanted; the ReLU comes after.",
                lambda inputs, weights, bias: np.maximum(inputs @ weights + bias, 0)),
        Mistake("the factors are in the wrong order: every row of the *inputs* meets every column of the weights.",
                lambda inputs, weights, bias: weights @ inputs + bias),
    ), hints=(
        "The drawing above is the whole answer: which two arrays are multiplied, and what is added to each row?",
        "`@` is NumPy's matrix product. (batch, fan_in) @ (fan_in, fan_out) is (batch, fan_out).",
        "An array of shape (fan_out,) plus one of shape (batch, fan_out): NumPy adds it to every row by itself.",
    )),
    Exercise(identifier="2.2", reference=dense_backward, cases=_layers_backwards, mistakes=(
        Mistake("the gradients for weights and bias are averaged over the batch once more. The loss was an average "
                "already, so that 1/batch is in `output_gradient`.",
                _of_backward("@ output_gradient", "@ output_gradient / len(inputs)", "sum(", "mean(")),
        Mistake("the gradient for the weights is averaged over the batch once more. That 1/batch is in "
                "`output_gradient` already.", _of_backward("@ output_gradient", "@ output_gradient / len(inputs)")),
        Mistake("the gradient for the bias is averaged over the batch. A bias takes part in every example: do "
                "parts of a gradient add up, or average?", _of_backward("sum(", "mean(")),
        Mistake("the bias' gradient is summed over the wrong axis. There is one bias a neuron, and it takes part "
                "in every example.", _of_backward("axis=0", "axis=1")),
        Mistake("the bias' gradient is not summed over the batch: it must have the shape of the bias, (fan_out,).",
                _of_backward(".sum(axis=0)", "")),
        Mistake("the gradient for the inputs lacks a transpose: the error travels back from neurons to inputs.",
                _of_backward("weights.T", "weights")),
        Mistake("the gradient for the weights is transposed. It must have the weights' shape, (fan_in, fan_out).",
                _of_backward("inputs.T @ output_gradient", "output_gradient.T @ inputs")),
        Mistake("the three gradients come in another order: inputs, weights, bias are wanted.",
                _of_backward("output_gradient @ weights.T, ", "", "axis=0)", "axis=0), output_gradient @ weights.T")),
        Mistake("every sign is turned. This is the gradient itself; descent subtracts it later.",
                lambda output_gradient, inputs, weights: tuple(
                    -part for part in dense_backward(output_gradient, inputs, weights))),
    ), hints=(
        "Three formulas stand above the cell, one for each gradient. Translate sum by sum: over which index does "
        "each of them run?",
        "A gradient has the shape of what it is for. (batch, fan_in), (fan_in, fan_out) and (batch, fan_out) can "
        "be multiplied in only one way that gives each.",
        "Two matrix products with one `.T` each, and one `.sum(axis=…)`, returned as a tuple.",
    )),
    Exercise(identifier="2.3", reference=softmax_cross_entropy, cases=_logits_and_labels, mistakes=(
        Mistake("right for small logits, but `exp(1000)` is infinite. Which number may you subtract from all "
                "logits of a row without changing their softmax?",
                _of_loss(_LOG_SOFTMAX, _LOG_OF_SOFTMAX, " - logits.max(axis=1, keepdims=True)", "")),
        Mistake("right for small logits, but where a probability has been rounded to 0, its logarithm is -∞. Take "
                "the logarithm of the softmax by the formula, before anything is divided.",
                _of_loss(_LOG_SOFTMAX, _LOG_OF_SOFTMAX)),
        Mistake("right for small logits, but the tiny number under the logarithm hides how wrong the network is: the "
                "loss of a label can no longer grow without bound.",
                _of_loss("log_probabilities[rows, labels]", "np.log(np.exp(log_probabilities[rows, labels]) + 1e-12)")),
        Mistake("you sum over the batch. Average, so that the loss does not depend on the batch size.",
                _of_loss("mean()", "sum()", "gradient / len(labels)", "gradient")),
        Mistake("the loss is right, but its gradient lacks the 1/batch of the average.",
                _of_loss("gradient / len(labels)", "gradient")),
        Mistake("the gradient is averaged twice: divide by the batch once.",
                _of_loss("gradient / len(labels)", "gradient / len(labels) ** 2")),
        Mistake("you divide by the number of classes as well. Each example has one label, and one -log p.",
                _of_loss("mean()", "mean() / logits.shape[1]", "/ len(labels)", "/ logits.size")),
        Mistake("the loss is right, but the sign of its gradient is turned: gradient *descent* would make the "
                "label less likely.", _of_loss("gradient / len(labels)", "-gradient / len(labels)")),
        Mistake("the loss has the wrong sign: a logarithm of a probability is negative, a loss is not.",
                _of_loss("-log_probabilities", "log_probabilities")),
        Mistake("the loss is right, but its gradient lacks the 1 at the label: these are the probabilities.",
                _of_loss("gradient[rows, labels] -= 1", "")),
        Mistake("`[:, labels]` picks every label in every row. Pair each row with its own label.",
                _of_loss("gradient[rows,", "gradient[:,", "log_probabilities[rows,", "log_probabilities[:,")),
        Mistake("the softmax runs over the batch. The probabilities of one example, a row, must add up to 1.",
                _of_loss(_LOG_SOFTMAX, _LOG_OF_SOFTMAX.replace("axis=1", "axis=0"), "max(axis=1", "max(axis=0")),
        Mistake("the loss is in bits: `np.log2`. This course counts in nats, by the natural logarithm.",
                _of_loss("mean()", "mean() / np.log(2)", "/ len(labels)", "/ len(labels) / np.log(2)")),
        Mistake("the loss is in bits: `np.log2`. This course counts in nats, by the natural logarithm.",
                _of_loss("mean()", "mean() / np.log(2)")),
    ), hints=(
        "First make the logits harmless: subtract from each row its largest (`max(axis=1, keepdims=True)`).",
        "The logarithm of the softmax is the shifted logit minus the log of the sum of `exp` of the shifted "
        "logits; `exp` of all that are the probabilities.",
        "`[np.arange(len(labels)), labels]` picks each row's label, from the log-probabilities for the loss, and "
        "from the probabilities to subtract 1. Then divide the gradient by the batch size.",
    )),
    Exercise(identifier="2.4", reference=he_initialisation, cases=lambda: [(300, 200), (50, 1200), (500, 120)],
             observe=_moments_of_draws, mistakes=(
        Mistake("the variance is 1 / fan_in. The ReLU loses half of the signal: what makes up for it?",
                _of_initialisation("2 / fan_in", "1 / fan_in")),
        Mistake("2 / fan_in is the variance, and `random.normal` wants a standard deviation.",
                _of_initialisation("np.sqrt(2 / fan_in)", "2 / fan_in")),
        Mistake("the variance has fan_out in it. How many terms does one neuron add up?",
                _of_initialisation("2 / fan_in", "2 / fan_out")),
        Mistake("this is Glorot's rule, 2 / (fan_in + fan_out), made for tanh. It takes no account of what the "
                "ReLU stops.", _of_initialisation("2 / fan_in", "2 / (fan_in + fan_out)")),
        Mistake("these are uniform, up to ± the standard deviation that is wanted, and so too small. Draw from a "
                "normal distribution.",
                lambda fan_in, fan_out, random: np.sqrt(2 / fan_in) * random.uniform(-1, 1, (fan_in, fan_out))),
        Mistake("the variance is right, but the distribution uniform. Draw from a normal one, as the text does.",
                lambda fan_in, fan_out, random: np.sqrt(6 / fan_in) * random.uniform(-1, 1, (fan_in, fan_out))),
        Mistake("these are numbers from 0 to 1 or all positive: their mean must be 0, or every sum drifts.",
                lambda fan_in, fan_out, random: np.sqrt(2 / fan_in) * random.random((fan_in, fan_out))),
        Mistake("these are standard normal numbers, not scaled. How large is a sum of fan_in of them?",
                _of_initialisation("np.sqrt(2 / fan_in)", "1")),
        Mistake("the weights are transposed: (fan_in, fan_out) is wanted.",
                _of_initialisation("(fan_in, fan_out))", "(fan_out, fan_in))")),
        *(Mistake("the generator `random` does not decide the draw. Call `random.normal`, not `np.random.normal`, "
                  "and make no generator of your own.",
                  _of_initialisation("random.normal", f"np.random.default_rng({seed}).normal")) for seed in (0, "")),
    ), hints=(
        "Var(a) = fan_in · Var(w) · E[h²], and a ReLU leaves E[h²] = ½ Var(a) of the layer before. Which Var(w) "
        "leaves everything as it was?",
        "`random.normal(mean, standard_deviation, shape)`: the second argument is a standard deviation. How do you "
        "get it from a variance?",
        "Mean 0, the root of the variance above the cell, and a shape with the inputs as rows.",
    )),
    Exercise(identifier="2.5", reference=gradient_check, cases=_gradients_to_check, observe=_checked, mistakes=(
        Mistake("the error is divided by the largest slope with its sign. Where all slopes are negative, that is "
                "the smallest one, and the error itself turns negative: take absolute values first.",
                _of_check("np.abs(slopes).max(), np.abs(gradient).max()", "slopes.max(), gradient.max()")),
        Mistake("the difference is taken forwards only, from x to x + h, and its error shrinks no faster than h. "
                "Step to both sides.", _of_check("point - nudge", "point", "2 * step", "step")),
        Mistake("the difference is taken backwards only. Step to both sides.",
                _of_check("point + nudge", "point", "2 * step", "step")),
        Mistake("every slope is twice too large: how far apart are the two points?", _of_check("2 * step", "step")),
        Mistake("both steps go half as far as you divide by. From x − h to x + h it is 2h.",
                _of_check("point + nudge", "point + nudge / 2", "point - nudge", "point - nudge / 2")),
        Mistake("the slopes have the wrong sign: f(x + h) − f(x − h), not the other way round.",
                _of_check("function(point + nudge) - function(point - nudge)",
                       "function(point - nudge) - function(point + nudge)")),
        *(Mistake("you compute in float32, which has 7 digits: the difference of two such numbers has hardly any "
                  "left. Make the point float64 first.",
                  _of_check("np.array(point, np.float64)", copy, "np.zeros(point.shape))", "np.zeros_like(point))"))
          for copy in ("np.array(point, np.float32)", "np.array(point)")),
        Mistake("this is the error itself. Divide by the largest slope: a difference of 0.01 is much for a slope "
                "of 0.1 and nothing for 1000.", _of_check(" / largest if largest else 0.0", "")),
        Mistake("each number is compared with its own slope. The formula divides by the largest slope of the whole "
                "array, so that rounding in a slope of nearly 0 does no harm.",
                _of_check("np.abs(gradient - slopes).max() / largest",
                       "(np.abs(gradient - slopes) / np.maximum(np.abs(gradient), np.abs(slopes))).max()")),
        Mistake("you average the errors. One wrong number among a million must show: take the largest.",
                _of_check("(gradient - slopes).max()", "(gradient - slopes).mean()")),
        Mistake("errors of different signs cancel: take the size of each difference first (`np.abs`).",
                _of_check("np.abs(gradient - slopes)", "(gradient - slopes)")),
        Mistake("all numbers are nudged at once, which gives a single slope for all. Nudge one at a time.",
                _of_check("nudge[index] = step", "nudge[...] = step")),
        Mistake("the point is not put back after a nudge: work on a copy, and undo each nudge before the next.",
                _of_check("np.array(point, np.float64)", "point",
                       "nudge[index] = step", "point[index] += step\n        above = function(point)",
                       "slopes[index] =", "point[index] -= 2 * step\n        slopes[index] =",
                       "function(point + nudge) - function(point - nudge)", "above - function(point)")),
    ), hints=(
        "`for index in np.ndindex(point.shape)` visits every number of an array of any shape. At each, nudge this "
        "one number up and down and see how far the function moves.",
        "An array `nudge` of zeros (float64) with `step` at one place: `function(point + nudge)` leaves `point` "
        "alone. Divide the difference by how far apart the two points are.",
        "In the end two numbers: the largest |gradient − slope| of all, divided by the largest size that occurs in "
        "either of the two arrays.",
    )),
)
