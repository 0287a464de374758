"""Lesson 4 · Latent variable models."""

from functools import partial

import numpy as np
from keras import ops
from scipy.stats import norm

from utils.exercises.edits import edits_of
from utils.exercises.engine import Exercise, Mistake
from utils.gradients import value_and_gradients
from utils.lesson_04.study import elbo_of_q, importance_sampling, log_sum_exp, quadrature
from utils.losses import bernoulli_log_likelihood, log_likelihood_of_pairs

_of_sum, _of_quadrature = edits_of(log_sum_exp), edits_of(quadrature)
_of_sampling, _of_elbo = edits_of(importance_sampling), edits_of(elbo_of_q)
_of_joint = partial(_of_quadrature, "log_sum_exp(log_prior + log_likelihood)")
_of_mean = partial(_of_sampling, "log_sum_exp(log_weights) - np.log(log_weights.shape[-1])")
_UNDERFLOWS = ("right for numbers of ordinary size, but exp(-900) is 0 in a float. You have a function that adds up "
               "numbers by their logarithms.")


def _bent(x, z, noise=0.4):
    return norm.logpdf(x, z**2, noise)


def _cells(end=6.0, count=61):
    """Return middles of cells in one dimension, their length, and the prior's log density there."""
    z = np.linspace(-end, end, count)
    return z, z[1] - z[0], norm.logpdf(z)


def _rows_of_logarithms():
    """Return tables whose rows lie far apart, and rows whose numbers do; the last one holds logarithms of 0."""
    random = np.random.default_rng(0)
    return [(np.array([0.0, 1.0, -2.0]),), (random.normal(size=(2, 3)),), (random.normal(size=(2, 3, 4)),),
            (np.array([[1000.0, 999.0, 1001.0], [-1000.0, -1002.0, -1001.0]]),),
            (np.array([[-800.0, -801.0, -800.5], [-2000.0, -2001.0, -2002.0]]),),
            (np.array([[-1500.0, -1502.0, -1501.0, -3000.0, -1499.5], [5.0, -900.0, 4.0, 3.0, -1000.0],
                       [-1000.0, 900.0, -1000.0, -1000.0, 899.0], [-1000.0, 900.0, 899.0, 900.0, 899.0]]),),
            (np.array([[0.5, -np.inf, 2.0], [-np.inf, -np.inf, -np.inf]]),)]


def _but_for_zeros(function):
    """Return the function without an answer for rows that are all -inf: a mistake may give anything there."""
    def made(values):
        if np.any(np.all(values == -np.inf, axis=-1)):
            raise ValueError("does not matter")
        return function(values)

    return made


_OF_LOG_SUM_EXP = (
    Mistake("right for small numbers, but exp(1000) is too large for a float and exp(-1000) too small. What "
            "can you take out of the sum first, so that its largest term becomes exp(0)?",
            lambda values: np.log(np.sum(np.exp(values), axis=-1))),
    *(Mistake(f"you subtract {what}, and some numbers still lie far from it: each row needs its own maximum.",
              _but_for_zeros(_of_sum("np.max(values, axis=-1, keepdims=True)", instead))) for what, instead in (
        ("the smallest number", "np.min(values, axis=-1, keepdims=True)"),
        ("the mean", "np.mean(values, axis=-1, keepdims=True)"), ("the first number", "values[..., :1]"),
        ("the largest number without its sign", "np.max(np.abs(values), axis=-1, keepdims=True)"),
        ("the largest number or 0", "np.max(values, axis=-1, keepdims=True, initial=0)"),
        ("the largest number of the whole array", "np.max(values, keepdims=True)"),
        ("the maximum of the first row", "np.full((1,) * values.ndim, np.max(values[(0,) * (values.ndim - 1)]))"))),
    Mistake("right, but for a row that holds nothing but -inf: there -inf - (-inf) is NaN. Subtract something "
            "else there.", _of_sum("largest = np.where(largest == -np.inf, 0.0, largest)", "")),
    Mistake("you sum over the first axis. Each row has a sum of its own: over the last axis.",
            lambda values: log_sum_exp(np.moveaxis(values, 0, -1))),
    Mistake("you sum over everything at once. Each row has a sum of its own: over the last axis.",
            lambda values: log_sum_exp(np.ravel(values))),
    *(Mistake("the maximum was a factor exp(m) of the sum. As which term does it come back outside the logarithm?",
              _but_for_zeros(_of_sum(*wrong))) for wrong in (
        ("+ largest[..., 0]", "+ np.exp(largest[..., 0])"), (")) + largest[..., 0]", ") + largest[..., 0])"),
        ("values - largest", "values / largest", "+ largest[", "* largest["))),
    Mistake("each exponential meets a logarithm before the sum, and both cancel. The logarithm comes last.",
            _but_for_zeros(_of_sum("np.log(np.sum(np.exp(values - largest), axis=-1))",
                                   "np.sum(np.log(np.exp(values - largest)), axis=-1)"))),
    *(Mistake("you add up, or average, the logarithms themselves. Undo the logarithms before you add.", wrong)
      for wrong in (lambda values: np.sum(values, axis=-1), lambda values: np.mean(values, axis=-1),
                    lambda values: np.log(np.sum(values, axis=-1)))),
    Mistake("this is the largest value alone. It is close where one term outweighs all others, and only there.",
            lambda values: np.max(values, axis=-1)),
    Mistake("the last number of each row is left out.", lambda values: log_sum_exp(values[..., :-1])),
)


def _grids():
    """Return four wide cells, grids for one x and for some, one in the plane, and one as large as the lesson's."""
    z, cell, log_prior = _cells()
    wide, step, prior = _cells(end=1.8, count=4)
    plane = np.stack(np.meshgrid(z[::3], z[::3]), axis=-1).reshape(-1, 2)
    x, moved = np.array([2.0, -0.5, 1.0]), np.linspace(-6, 6, 200) + np.linspace(0, 0.06, 50)[:, None]
    return [(prior, norm.logpdf(1.0, wide, 0.9), step), (log_prior, _bent(x[:, None], z), cell),
            (norm.logpdf(plane).sum(axis=1), norm.logpdf(1.5, plane.sum(axis=1), 0.7) - 3.0, (3 * cell) ** 2),
            (log_prior, 400 * _bent(x[:, None], z) - 900.0, cell),
            (norm.logpdf(moved), _bent(1.4, moved), 12 / 199)]


_OF_QUADRATURE = (
    Mistake("the size of the cells is missing: a sum over points grows with their number, an integral "
            "does not.", _of_quadrature(" + np.log(cell)", "")),
    Mistake("the logarithm is multiplied with `cell`. The factor belongs to the sum, before its logarithm is "
            "taken.", _of_quadrature("+ np.log(cell)", "* cell")),
    Mistake("this is 0 for any x: the joint is divided by its own sum. The sum itself is wanted.",
            lambda log_prior, log_likelihood, cell: np.zeros(np.shape(log_likelihood)[:-1])),
    *(Mistake("you add up, or average, logarithms. The integral is a sum of probabilities.", wrong)
      for wrong in (lambda log_prior, log_likelihood, cell: np.mean(log_prior + log_likelihood, axis=-1),
                    lambda log_prior, log_likelihood, cell: np.sum(log_prior + log_likelihood, axis=-1) * cell)),
    Mistake("this is the average of log p(x | z) under the prior, a mean of logarithms. The logarithm comes last.",
            lambda log_prior, log_likelihood, cell: np.sum(np.exp(log_prior) * log_likelihood, axis=-1) * cell),
    *(Mistake("the sum is divided by the number of points. A mean would be right for draws from the prior; cells of "
              "a grid are weighed by prior and size.", _of_quadrature("+ np.log(cell)", mean))
      for mean in ("- np.log(log_likelihood.shape[-1])", "- np.log(log_likelihood.shape[-1]) + np.log(cell)")),
    Mistake(_UNDERFLOWS, _of_joint("np.log(np.sum(np.exp(log_prior + log_likelihood), axis=-1))")),
    Mistake("the largest logarithm is taken off against overflow, and never comes back.", _of_joint(
        "log_sum_exp(log_prior + log_likelihood) - np.max(log_prior + log_likelihood, axis=-1)")),
    *(Mistake(f"{which}. The integral is the sum of all bars.", _of_joint(bars)) for which, bars in (
        ("only the highest bar is counted", "np.max(log_prior + log_likelihood, axis=-1)"),
        ("the first cell is left out", "log_sum_exp((log_prior + log_likelihood)[..., 1:])"),
        ("the last cell is left out", "log_sum_exp((log_prior + log_likelihood)[..., :-1])"))),
    Mistake("you multiply logarithms. The logarithm of a product is the sum of the logarithms.",
            _of_quadrature("log_prior + log_likelihood", "log_prior * log_likelihood")),
    Mistake("prior and likelihood are added as probabilities. The joint is their product.",
            _of_quadrature("log_prior + log_likelihood", "np.logaddexp(log_prior, log_likelihood)")),
)


def _draws():
    """Yield draws of q: weights above 1, weights of 0, and so small ones; the last as many as the lesson's."""
    random = np.random.default_rng(1)
    for mean, deviation, x, noise, draws in (
            (1.4, 0.3, np.array(2.0), 0.05, 7), (0.5, 1.5, np.array([2.0, 0.3]), 0.4, 5),
            (1.0, 0.5, np.array([1.0, 2.0, 40.0]), 0.1, 8), (1.2, 0.4, np.linspace(1, 2, 10), 0.4, 10_000)):
        z = random.normal(mean, deviation, (*x.shape, draws))
        log_likelihood = _bent(x[..., None], z, noise)
        if draws == 5:
            log_likelihood[:, [1, 3]] = -np.inf  # such latents can't give this x
        yield norm.logpdf(z), log_likelihood, norm.logpdf(z, mean, deviation)


_OF_SAMPLING = (
    *(Mistake(f"you divide by {what}. Each row averages its own draws: divide by how many they are.",
              _of_sampling("np.log(log_weights.shape[-1])", f"np.log({instead})")) for what, instead in (
        ("the number of rows", "len(log_weights)"), ("the draws of all rows together", "log_weights.size"),
        ("a number that is typed in", "10000"), ("one draw less than there are", "log_weights.shape[-1] - 1"),
        ("the root of the number of draws", "log_weights.shape[-1] ** 0.5"),
        ("the draws whose weight is not 0", "np.sum(log_weights > -np.inf, axis=-1)"),
        ("the sum of the weights p(z)/q(z)", "np.sum(np.exp(log_prior - log_q), axis=-1)"))),
    *(Mistake(f"this is {what}. The integral is the mean of all weights, its logarithm taken last.", _of_mean(instead))
      for what, instead in (
        ("the mean of the logarithms", "np.mean(log_weights, axis=-1)"), ("the first weight", "log_weights[..., 0]"),
        ("the median", "np.median(log_weights, axis=-1)"),
        ("the largest weight alone", "np.max(log_weights, axis=-1) - np.log(log_weights.shape[-1])"),
        ("the harmonic mean", "np.log(log_weights.shape[-1]) - log_sum_exp(-log_weights)"),
        ("the root of a mean square", "(log_sum_exp(2 * log_weights) - np.log(log_weights.shape[-1])) / 2"))),
    Mistake("the logarithm is divided by the number of draws. The sum is to be divided, before its logarithm is taken.",
            _of_sampling("- np.log(log_weights.shape[-1])", "/ log_weights.shape[-1]")),
    Mistake("weights above 1 are cut down to 1. They are quotients of densities, and may be of any size.",
            _of_mean("log_sum_exp(np.minimum(log_weights, 0)) - np.log(log_weights.shape[-1])")),
    Mistake("the first draw is left out of the sum. All of them count.",
            _of_sampling("log_sum_exp(log_weights)", "log_sum_exp(log_weights[..., 1:])")),
    Mistake("the largest logarithm is taken off against overflow, and never comes back.",
            _of_sampling("log_sum_exp(log_weights)", "log_sum_exp(log_weights) - np.max(log_weights, axis=-1)")),
    Mistake("the average of the joint is divided by the average of q. Each draw is divided by its own q first.",
            _of_mean("log_sum_exp(log_prior + log_likelihood) - log_sum_exp(log_q)")),
    Mistake("q is left out: draws come most often from where q is high, and that has to be divided out.",
            _of_sampling("log_likelihood - log_q", "log_likelihood")),
    Mistake("prior and q are both left out. That would be right for draws from the prior; these come from q.",
            _of_sampling("log_prior + log_likelihood - log_q", "log_likelihood")),
    Mistake("you average over all rows at once. Each row is an estimate of its own: over the last axis.",
            lambda *logarithms: importance_sampling(*map(np.ravel, logarithms))),
    Mistake(_UNDERFLOWS, _of_sampling("log_sum_exp(log_weights)", "np.log(np.sum(np.exp(log_weights), axis=-1))")),
)


def _candidates():
    """Yield one q, three, one on the finest cells whose bound is above 0, and some of the lesson's size."""
    z, cell, log_prior = _cells()
    means, deviations = np.array([1.4, 0.0, -1.0]), np.array([0.3, 1.2, 0.6])
    yield log_prior, _bent(2.0, z), norm.logpdf(z, 1.4, 0.3), cell
    z, cell, log_prior = _cells(5.0, 81)
    yield log_prior, _bent(1.0, z), norm.logpdf(z, means[:, None], deviations[:, None]), cell
    z, cell, log_prior = _cells(3.0, 121)
    yield log_prior, _bent(0.0, z, 0.02), norm.logpdf(z, 0.0, 0.12), cell
    z, cell, log_prior = _cells(8.0, 3201)
    yield log_prior, _bent(2.0, z), norm.logpdf(z, np.linspace(0.5, 2, 20)[:, None], 0.4), cell


_GAIN = "(log_prior + log_likelihood - log_q)"
_OF_ELBO = (
    Mistake("the KL divergence is taken the other way round, from the prior to q. Its average is under q.",
            _of_elbo(_GAIN, "log_likelihood - np.exp(log_prior) * (log_prior - log_q)")),
    *(Mistake("log q is subtracted, but not once: twice, or by half.", _of_elbo("- log_q", f"- {factor} * log_q"))
      for factor in (0.5, 2)),
    Mistake("q is divided by its sum, so that it adds up to 1 over the points. With `cell` it did so already.",
            _of_elbo("np.exp(log_q)", "np.exp(log_q) / np.sum(np.exp(log_q), axis=-1, keepdims=True)")),
    Mistake("the KL divergence is missing: this is only how well q's latents explain x.",
            _of_elbo("log_prior + log_likelihood - log_q", "log_likelihood")),
    Mistake("the KL divergence is added. It is a price, which is subtracted.",
            _of_elbo("log_prior + log_likelihood - log_q", "log_likelihood + log_q - log_prior")),
    *(Mistake("this is the KL divergence from the posterior, or minus that: what the bound loses. The bound is wanted.",
              lambda prior, likelihood, q, cell, sign=sign: sign * (
                  quadrature(prior, likelihood, cell) - elbo_of_q(prior, likelihood, q, cell))) for sign in (1, -1)),
    Mistake("you average under the posterior. The ELBO averages under q.",
            _of_elbo("(log_q) *", "(log_prior + log_likelihood - quadrature(log_prior, log_likelihood, cell)) *")),
    Mistake("the log-likelihood is not weighed by q. Both parts are averages under q.",
            _of_elbo(f"np.exp(log_q) * {_GAIN}", "log_likelihood + np.exp(log_q) * (log_prior - log_q)")),
    Mistake("you read the log-likelihood where q is highest. Average it under q.",
            _of_elbo(_GAIN, "(log_prior - log_q)", "* cell", "* cell + log_likelihood[np.argmax(log_q, axis=-1)]")),
    Mistake("this is the largest term at a single point. The bound is the average of the terms under q.",
            lambda log_prior, log_likelihood, log_q, cell: np.max(log_prior + log_likelihood - log_q, axis=-1)),
    Mistake("you multiply logarithms. The logarithm of a product is the sum of the logarithms.",
            _of_elbo("log_prior + log_likelihood", "log_prior * log_likelihood")),
    Mistake("the size of the cells is missing: a sum over points grows with their number, an integral "
            "does not.", _of_elbo(" * cell", "")),
    Mistake("this is a mean over the points. An integral is the sum of bars, height times width: where is `cell`?",
            _of_elbo("np.sum", "np.mean", " * cell", "")),
    Mistake("the logarithm of `cell` is added. The bars are no logarithms: height times width.",
            _of_elbo(" * cell", " + np.log(cell)")),
    Mistake("the size of the cells is missing in the divergence from the prior. Both parts are integrals.",
            _of_elbo(_GAIN, "(log_likelihood + (log_prior - log_q) / cell)")),
    Mistake("this is the logarithm of an average, which gives log p(x) whatever q is. The bound is the average of "
            "the logarithm.", _of_elbo("np.sum", "np.log(np.sum", "* (", "* np.exp(", "* cell", "* cell)")),
    Mistake("the bound is cut off at 0. Logarithms of densities may lie above it.",
            _of_elbo("return np.sum", "return np.minimum(0, np.sum", "* cell", "* cell)")),
)


def _images_and_logits():
    """Return batches of images and logits; the third is large, and the fourth has logits that are."""
    random = np.random.default_rng(2)
    pairs = [([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]], [[2.0, -1.0, -0.5], [0.5, 3.0, 1.5]]),
             *((random.random(shape) < 0.4, random.normal(0, 2, shape)) for shape in ((3, 5), (4, 200))),
             ([[1.0, 0.0, 1.0, 0.0], [1.0, 0.0, 1.0, 1.0]],
              [[1000.0, -1000.0, -1000.0, 1000.0], [30.0, -40.0, 90.0, 100.0]])]
    return [(np.array(images, np.float32), np.array(logits, np.float32)) for images, logits in pairs]


def _value_and_gradients(function, images, logits):
    """Return as `value_and_gradients` does for the smallest batch, and else the value: a graph of loops takes long."""
    if images.size > 6:
        return value_and_gradients.plain(function, images, logits)
    return value_and_gradients(function, images, logits, by=slice(1, None))  # images are data


_value_and_gradients.plain = value_and_gradients.plain


def _summed(pixel):
    """Return a mistake in the log-likelihood of one pixel, `pixel(x, l)`, added up as it should be."""
    return lambda images, logits: ops.sum(pixel(images, logits), axis=-1)


def _by_probabilities(pixel, lowest=0.0):
    """Return a mistake by way of the sigmoid, as one writes it first: `pixel(x, p)`."""
    return _summed(lambda x, logits: pixel(x, ops.clip(ops.sigmoid(logits), lowest, 1 - lowest)))


def _coin(x, p):
    return x * ops.log(p) + (1 - x) * ops.log(1 - p)


_OF_BERNOULLI = (
    Mistake("the probabilities are clipped: no NaN, but a pixel that should cost 1000 nats costs 16. Simplify "
            "on paper first: no sigmoid needs to be left.", _by_probabilities(_coin, lowest=1e-7)),
    Mistake("every image meets every row of logits. Each has a row of its own: multiply pixel by pixel.",
            log_likelihood_of_pairs),
    Mistake("the softplus is added up over the whole batch. Each image has its own logits.",
            lambda images, logits: ops.sum(images * logits, axis=-1) - ops.sum(ops.softplus(logits))),
    Mistake("a number of pixels is typed in. An image has as many as its last axis is long.",
            lambda images, logits: 784 * bernoulli_log_likelihood(images, logits) / images.shape[-1]),
    Mistake("the last pixel is left out.", lambda x, logits: bernoulli_log_likelihood(x[:, :-1], logits[:, :-1])),
    *(Mistake(message, _summed(pixel)) for message, pixel in (
        ("a sigmoid comes first, and its output is then taken for a logit. The formula wants the logits as they are.",
         lambda x, logits: x * ops.sigmoid(logits) - ops.softplus(ops.sigmoid(logits))),
        ("the logits are taken for probabilities: their own logarithm is no number where they are negative.", _coin),
        ("the logits are taken for probabilities. Keras' cross-entropy has to be told that they are logits.",
         lambda x, logits: -ops.binary_crossentropy(x, logits)),
        ("only the pixels that are on are counted. A pixel that is off had a probability too.",
         lambda x, logits: x * ops.log_sigmoid(logits)),
        ("only the pixels that are off are counted. A pixel that is on had a probability too.",
         lambda x, logits: -(1 - x) * ops.softplus(logits)),
        ("zeros and ones have changed places: this is the log-likelihood of the inverted image.",
         lambda x, logits: (1 - x) * logits - ops.softplus(logits)),
        ("the softplus is taken of minus the logit: is log s(l) taken for log(1 - s(l))?",
         lambda x, logits: x * logits - ops.softplus(-logits)),
        ("the softplus is taken of pixel times logit. A pixel that is off has a probability too, of its own logit.",
         lambda x, logits: x * logits - ops.softplus(x * logits)),
        ("a ReLU stands where the softplus belongs. Both agree for large logits, and only there.",
         lambda x, logits: x * logits - ops.relu(logits)),
        ("the pixels share one softmax, as if just one of them were on. Each is a coin of its own.",
         lambda x, logits: x * ops.log_softmax(logits, axis=-1)),
        ("this counts the pixels that come out right. How probable was each of them?",
         lambda x, logits: ops.cast((logits > 0) == (x > 0.5), "float32")))),
    *(Mistake(message, _by_probabilities(pixel)) for message, pixel in (
        ("the probabilities are added up. The logarithm of their product is wanted.",
         lambda x, p: x * p + (1 - x) * (1 - p)),
        ("this is a squared error. The log-likelihood of a coin is the logarithm of its probability.",
         lambda x, p: -(x - p)**2),
        ("this is the log-likelihood of a Gaussian. The pixels are coins, with two values.",
         lambda x, p: -0.5 * (x - p)**2 - 0.5 * np.log(2 * np.pi)))),
)


EXERCISES = (
    Exercise(identifier="4.1", reference=log_sum_exp, cases=_rows_of_logarithms, mistakes=_OF_LOG_SUM_EXP, hints=(
        "Σ exp(vᵢ) = exp(m) Σ exp(vᵢ − m) for any number m. Take the logarithm of both sides.",
        "With m the largest value of the row, no exponent is above 0, and one of them is 0: nothing overflows and "
        "the sum is at least 1. `np.max(values, axis=-1, keepdims=True)` has the shape that you need.",
        "Where a whole row is -inf, take m = 0 (`np.where`). Then log 0 = -inf is the answer; "
        "`np.errstate(divide=\"ignore\")` keeps NumPy from warning of it.",
    )),
    Exercise(identifier="4.2", reference=quadrature, cases=_grids, calls=600, mistakes=_OF_QUADRATURE, hints=(
        "Draw bars of height p(z) p(x | z) and width `cell`, and add up their areas.",
        "The logarithm of a product is a sum of logarithms; your `log_sum_exp` adds up the bars.",
        "Every bar has the same width. Take it out of the sum: which term does it become in the logarithm?",
    )),
    Exercise(identifier="4.3", reference=importance_sampling, cases=_draws, calls=200, mistakes=_OF_SAMPLING, hints=(
        "Each draw has the weight p(z) p(x | z) / q(z). What becomes of products and quotients under a logarithm?",
        "The estimate is the mean of the weights: their sum, in logarithms by `log_sum_exp`, over their number.",
        "Dividing by the number of draws, `log_q.shape[-1]`, subtracts which logarithm?",
    )),
    Exercise(identifier="4.4", reference=elbo_of_q, cases=_candidates, calls=125, mistakes=_OF_ELBO, hints=(
        "The ELBO is an average under q of log [p(z) p(x | z) / q(z)].",
        "An average under q on a grid: the value at each point, times q there, times `cell`, added up over the "
        "last axis.",
        "q is `np.exp(log_q)`. Inside the average everything stays a logarithm: two of them added, one subtracted.",
    )),
    Exercise(identifier="4.5", reference=bernoulli_log_likelihood, cases=_images_and_logits,
             observe=_value_and_gradients, mistakes=_OF_BERNOULLI, hints=(
        "Write log s(l) and log(1 − s(l)) with s(l) = 1/(1 + e^−l), and bring both to a form with log(1 + e^l).",
        "log s(l) = l − log(1 + e^l) and log(1 − s(l)) = −log(1 + e^l): what is left of x log s + (1 − x) log(1 − s)?",
        "log(1 + e^l) is `ops.softplus(l)`, which Keras computes for logits of any size. Add up over the pixels.",
    )),
)
