"""Lesson 6 · Variational autoencoders."""

import contextlib

import numpy as np
from keras import ops
from scipy.special import expit, softmax
from scipy.stats import norm

from utils.exercises.comparing import Fact, difference
from utils.exercises.edits import edits_of
from utils.exercises.engine import Exercise, Mistake
from utils.exercises.running import Unusable
from utils.gradients import value_and_gradients
from utils.losses import elbo, kl_to_standard_normal
from utils.models import decode_grid, reparameterise, sample_prior


def _gaussians():
    """Return (mean, log_variance) cases, smallest first; no log variance is zero, where many mistakes would hide."""
    random = np.random.default_rng(0)
    return [
        (np.array([[1.0, -2.0, 0.5], [0.4, 0.3, -1.5]], np.float32),
         np.array([[0.7, -0.4, -1.2], [0.9, -0.8, 0.2]], np.float32)),
        (np.array([[0.5]], np.float32), np.array([[-1.2]], np.float32)),
        (4 * random.normal(size=(4, 3)).astype(np.float32), random.normal(size=(4, 3)).astype(np.float32)),
    ]


def _narrow_gaussians():
    """Return the same, and one of a variance that is 0 to a float32, though its logarithm is an ordinary number."""
    return [*_gaussians(), (np.array([[0.5, 1.0]], np.float32), np.array([[-110.0, 0.3]], np.float32))]


def _gaussians_and_noise():
    random = np.random.default_rng(1)
    return [(mean, log_variance, random.normal(size=mean.shape).astype(np.float32))
            for mean, log_variance in _gaussians()]


def _images_logits_and_gaussians():
    """Return cases of whole images, as nats per image are compared; the last has logits that overflow in `exp`."""
    random = np.random.default_rng(2)
    for batch, latent_dim, size in ((3, 2, 1), (4, 3, 1), (5, 4, 40)):
        images = (random.random((batch, 784)) < 0.4).astype(np.float32)
        logits = size * random.normal(size=(batch, 784)).astype(np.float32)
        mean, log_variance = random.normal(size=(2, batch, latent_dim)).astype(np.float32)
        yield images, logits, 4 * mean, log_variance  # so that even a KL divided by 784 shows


class Decoder:
    """A function of latents that can be called, and asked to `predict`, like a Keras model; it keeps what it gets."""

    def __init__(self, function):
        self.function, self.seen = function, []

    def __call__(self, latents, training=False):
        latents = ops.convert_to_tensor(latents, "float32")
        if len(latents.shape) != 2:
            raise ValueError(f"the decoder takes latents of shape (batch, latent_dim), and gets {tuple(latents.shape)}")
        with contextlib.suppress(Exception):  # while a graph is built, tensors have no values
            self.seen.append(np.asarray(latents, np.float64))
        return self.function(latents)

    def predict(self, latents, **options):
        return np.asarray(self(latents))

    def latents(self):
        """Return all latents since the last time, (count, latent_dim), and forget them."""
        seen, self.seen = self.seen, []
        if not seen:
            raise Unusable("the decoder is never called. It turns latents into logits.")
        return np.concatenate(seen)


def _planar_decoder(seed):
    """Return a linear decoder whose output tells both latents apart, and z from -z."""
    weights, bias = (np.random.default_rng(seed).normal(size=size).astype(np.float32) for size in ((2, 784), 784))
    return Decoder(lambda latents: ops.matmul(latents, weights) + bias)


def _decoded_grid(function, decoder, side):
    """Return what the function returns; where that is wrong, refuse it for the latents that it decodes."""
    right = decode_grid(decoder, side)
    decoder.seen.clear()
    found = function(decoder, side)
    if found is not None and difference(right, found, tolerance=1e-5):
        _require_grid(decoder.latents(), side)
        if np.isin(np.asarray(found), (0, 1)).all():
            raise Unusable("only zeros and ones come back, as if pixels were rounded or drawn. The probabilities "
                           "themselves are wanted.")
    return found


_decoded_grid.plain = lambda function, *arguments: function(*arguments)


def _require_grid(latents, side):
    """Refuse latents that are not those of the grid, in a sentence that says how."""
    if latents.shape[1] != 2:
        raise Unusable(f"the latents that you decode have {latents.shape[1]} numbers each. A plane has two.")
    if not np.isfinite(latents).all():
        raise Unusable("some latents that you decode are infinite or NaN. `norm.ppf` returns these for 0, for 1, and "
                       "for numbers outside [0, 1]. Which numbers does it get?")
    if len(latents) != side**2:
        raise Unusable(f"{len(latents)} latents are decoded, and a grid of {side} by {side} has {side**2}.")
    first, second = latents.T.reshape(2, side, side)
    moves = [[not np.allclose(values, values.take([0], axis)) for axis in (1, 0)] for values in (first, second)]
    if moves == [[False, True], [True, False]]:
        raise Unusable("rows and columns have changed places: z₁ should change along a row, and z₂ from row to row.")
    if moves != [[True, False], [False, True]]:
        raise Unusable("the latents are not a grid: along a row only z₁ should change, and from row to row only z₂.")
    steps, shares = first[0], (np.arange(side) + 0.5) / side
    if any(np.allclose(steps, function(shares), atol=1e-4) for function in (norm.cdf, norm.pdf)):
        raise Unusable("the latents come out of `norm.cdf` or `norm.pdf`. You need the inverse of the first, the "
                       "quantile function: it turns a probability into a latent.")
    if np.allclose(np.sort(steps), shares, atol=1e-4):
        raise Unusable("these are the probabilities (i + ½)/side themselves. The quantile function `norm.ppf` turns "
                       "them into latents.")
    ways = [("z₁ grows to the left", steps[0] > steps[-1]), ("z₂ grows downwards", second[0, 0] < second[-1, 0])]
    if any(wrong for _, wrong in ways):
        raise Unusable(f"{' and '.join(text for text, wrong in ways if wrong)}. As on paper, z₁ should grow to the "
                       "right and z₂ upwards; the first row is the top.")
    if np.allclose(np.diff(steps), steps[1] - steps[0], atol=1e-4):
        raise Unusable("the steps are even in z. Steps of even probability want the quantile function `norm.ppf`.")
    wanted = norm.ppf(shares)
    factor = steps[0] / wanted[0]
    if abs(factor - 1) > 1e-3 and np.allclose(steps, factor * wanted, atol=1e-4):
        raise Unusable(f"the latents are {factor:.3g} times too far from 0. The prior's standard deviation is 1.")
    if not np.allclose(steps, wanted, atol=1e-3):
        raise Unusable("the latents are not the quantiles of the middles of `side` equal shares. Are the probabilities "
                       "different, or are the latents rounded?")


LEVELS = np.tile(np.arange(-4.0, 5.0), 88)[:784].astype(np.float32)  # logits of the pixels, a ninth of them 0
FAIR = LEVELS == 0
# How often a pixel is on, as a function of the logits (count, 784), and what that means.
COINS = {
    "a comparison": (lambda logits: logits > 0, "you cut the probabilities at ½, so that every pixel with 30% is "
                     "always off. Toss each pixel's coin instead."),
    "logits": (lambda logits: np.clip(logits, 0, 1), "you use logits as the coins' probabilities. Apply the sigmoid "
               "to what the decoder returns."),
    "two sigmoids": (lambda logits: expit(expit(logits)), "pixels are on as often as a sigmoid of a sigmoid says. One "
                     "sigmoid turns logits into probabilities."),
    "the other side": (lambda logits: expit(-logits), "the comparison is the wrong way round: a pixel is on with the "
                       "probability with which it should be off."),
    "fair coins": (lambda logits: 0.5 + 0 * logits, "every pixel tosses a fair coin. What does the decoder say?"),
    "odds": (lambda logits: np.minimum(np.exp(logits), 1), "the exponential of a logit is the odds, and not the "
             "probability. The sigmoid of a logit is the probability."),
    "a tanh": (lambda logits: expit(2 * logits), "the pixels' probabilities are too extreme, as if each logit were "
               "doubled, as in a tanh."),
    "two coins": (lambda logits: expit(logits)**2, "pixels are on as often as two coins that both show 1: their "
                  "probabilities are squared."),
    "normal noise": (norm.cdf, "the pixels' probabilities are a little too extreme, as if the noise on a logit "
                     "were normal. A pixel is 1 if a uniform number lies below its probability."),
    "normal coins": (lambda logits: norm.cdf(expit(logits)), "the numbers that you compare with the probabilities are "
                     "normal. For a coin they are uniform in [0, 1]."),
    "a softmax": (lambda logits: softmax(logits, axis=-1), "hardly any pixel is on, as after a softmax, which makes "
                  "all pixels sum to 1. Each pixel has a probability of its own."),
}


def _probe(latents):
    """Return logits around the levels; those of FAIR pixels are the levels, and others move with the latents."""
    return LEVELS + 0.05 * ~FAIR * ops.sum(latents, axis=-1, keepdims=True)


def _frequencies(values):
    """Return the average over all pixels of each level."""
    return np.array([np.mean(values[:, LEVELS == level]) for level in np.unique(LEVELS)])


def _facts_of_samples(function, decoder, count, latent_dim):
    """Return facts that tell right samples from wrong ones: about the latents that are decoded, pixels, and seeds."""
    def drawn(seed):
        images = np.asarray(function(decoder, count, latent_dim, seed=seed))
        latents = decoder.latents()
        if images.shape != (count, 784):
            raise Unusable(f"images of shape {images.shape} come back for `count` = {count}; ({count}, 784) is wanted.")
        if images.dtype.kind != "f":
            raise Unusable(f"the images are of type {images.dtype}, and float32 is wanted.")
        if latents.shape[1] != latent_dim:
            raise Unusable(f"the latents have {latents.shape[1]} numbers each, and `latent_dim` is {latent_dim}.")
        if len(latents) != count:
            raise Unusable(f"{len(latents)} latent{'s are' if len(latents) > 1 else ' is'} decoded for {count} images. "
                           "Draw one for each image.")
        return images.astype(np.float64), latents

    (other, other_latents), (fresh, _), (fresh_again, _), (again, latents_again), (images, latents) = map(
        drawn, (4, None, None, 0, 0))
    logits = np.asarray(_probe(latents.astype(np.float32)), np.float64)
    fair, came, size = images[:, FAIR], _frequencies(images), latents.std()
    distances = {name: np.abs(_frequencies(chance(logits)) - came).max() for name, (chance, _) in COINS.items()}
    distance = np.abs(_frequencies(expit(logits)) - came).max()
    nearest = min(distances, key=distances.get)
    is_wrong = distance > 0.06 and distances[nearest] < min(distance, 0.06)
    repeats, reseeds = np.array_equal(images, again), not np.array_equal(images, other)
    of_latents, of_pixels = np.array_equal(latents, latents_again), np.array_equal(fair, again[:, FAIR])
    within = np.mean(np.abs(latents) < 1)
    facts = {
        Fact("are latents drawn?", "all latents are zero. Draw them from the prior."): np.any(latents),
        Fact("does each image have a latent?", "all images come from one and the same latent. One generator should "
             "draw one for each image."): np.any(latents != latents[0]),
        Fact("does each coordinate have a draw?", "all coordinates of a latent are the same number. Draw one for each "
             "coordinate of each image."): np.any(np.ptp(latents, axis=1)),
        Fact("do latents depend on the seed?", "every seed decodes the same latents. They should be drawn, too."):
            not reseeds or not np.array_equal(latents, other_latents),
        Fact("do lengths differ?", "all latents have the same length. The coordinates of a standard normal are drawn "
             "independently of each other."): np.ptp(np.linalg.norm(latents, axis=1)) > 1e-3,
        Fact("is a latent negative?", "no latent is negative, and half of a standard normal is. Are they uniform in "
             "[0, 1], or has the sign been taken off?"): latents.min() < 0,
        Fact("does a latent leave [-1, 1]?", "all latents lie between -1 and 1, and a third of a standard normal does "
             "not. Are they uniform, or cut off?"): np.abs(latents).max() > 1,
        Fact("is their average 0?", "the average of the latents is not 0, as that of the prior is."):
            abs(latents.mean()) < 0.2,
        Fact("is their deviation at most 1?", "the latents are too wide: their standard deviation should be 1."):
            size < 1.2,
        Fact("is their deviation at least 1?", "the latents are too narrow: their standard deviation should be 1."):
            size > 0.8,
        Fact("are they normal?", "the latents are not normal, though average and standard deviation are right."):
            abs(within - 0.683) < 0.09,
        Fact("are pixels drawn?", "these are the pixels' probabilities. A sample of the model is an image: toss each "
             "pixel's coin."): not np.allclose(images, expit(logits), atol=1e-4),
        Fact("is no pixel negative?", "pixels are -1 or 1, and the model has zeros and ones."): images.min() >= 0,
        Fact("are all values 0 or 1?", "other values than 0 and 1 come back. Each pixel is one toss of one coin: is it "
             "an average of several, or a count?"): np.isin(images, (0, 1)).all(),
        Fact("do images have coins of their own?", "all images share their coins: the same pixels come up in each. "
             "Draw a number for each pixel of each image."): not np.any(fair.std()) or np.any(fair != fair[0]),
        Fact("do pixels have coins of their own?", "all pixels of an image share one coin. Draw a number for each "
             "pixel of each image."): not np.any(fair.std()) or np.any(fair != fair[:, :1]),
        **{Fact(f"not {name}?", sentence): not (is_wrong and name == nearest) for name, (_, sentence) in COINS.items()},
        Fact("is a pixel on as often as its probability says?", "pixels are not on as often as their probabilities "
             "say."): distance < 0.06,
    }
    return facts if distance >= 0.06 else facts | {  # what does not toss coins may come out alike by chance
        Fact("do pixels come from the seed?", "the same seed gives the same latents, but other pixels. They should "
             "come from a generator with that seed, too."): repeats or not of_latents,
        Fact("do latents come from the seed?", "the same seed gives the same coins, but other latents. They should "
             "come from a generator with that seed, too."): repeats or not of_pixels,
        Fact("does the same seed give the same images?", "the same seed gives other images at each call. Is `seed` "
             "used, 0 too?"): repeats,
        Fact("does another seed give other images?", "every seed gives the same images. Is a number written where "
             "`seed` belongs?"): reseeds,
        Fact("are images without a seed fresh?", "without a seed, two calls give the same images. `None` should draw "
             "afresh each time."): not np.array_equal(fresh, fresh_again),
    }


def _by_dimension(mean, log_variance):
    return (ops.square(mean) + ops.exp(log_variance) - 1 - log_variance) / 2


_of_draw, _of_kl, _of_elbo = edits_of(reparameterise), edits_of(kl_to_standard_normal), edits_of(elbo)
_of_grid, _of_samples = edits_of(decode_grid), edits_of(sample_prior)


EXERCISES = (
    Exercise(identifier="6.1", reference=reparameterise, cases=_gaussians_and_noise, observe=value_and_gradients,
             mistakes=(
        Mistake("you scale the noise by the variance. What is the square root of exp(log variance)?",
                _of_draw(" / 2", "")),
        Mistake("you scale the noise by the log variance itself, which may even be negative. How does one get from "
                "a logarithm back to the number?", _of_draw("ops.exp(log_variance / 2)", "log_variance")),
        Mistake("this is the root of the log variance, or its size, and not the root of the variance. First `exp`, "
                "then the root.", _of_draw("exp(log_variance / 2)", "sqrt(log_variance)")),
        Mistake("this is the root of the log variance, or its size, and not the root of the variance. First `exp`, "
                "then the root.", _of_draw("exp(log_variance / 2)", "abs(log_variance)")),
        Mistake("the noise comes unscaled, so every posterior is as wide as the prior. Where does `log_variance` "
                "enter?", _of_draw("ops.exp(log_variance / 2) * ", "")),
        Mistake("the noise is missing: this is the mean, an autoencoder's code, not a draw.",
                _of_draw(") * noise", ") * 0")),
        Mistake("the mean is missing: the latents of every image would lie around zero.", _of_draw("mean + ", "")),
        Mistake("the ½ belongs inside the exponential: it stands for the square root.",
                _of_draw("exp(log_variance / 2)", "exp(log_variance) * 0.5")),
        Mistake("the standard deviation is added to the noise. It scales the noise: what goes between them?",
                _of_draw("* noise", "+ noise")),
        Mistake("mean and standard deviation have changed places: the mean shifts, and the deviation scales.",
                _of_draw("mean + ops.exp(log_variance / 2) * noise", "ops.exp(log_variance / 2) + mean * noise")),
        Mistake("the mean is scaled as well. Scale first, then shift.",
                _of_draw("mean + ops.exp(log_variance / 2) * noise", "(mean + noise) * ops.exp(log_variance / 2)")),
        Mistake("this is the way back: it would turn a draw into standard noise. Here noise becomes a draw.",
                _of_draw("mean + ops.exp(log_variance / 2) * noise", "(noise - mean) / ops.exp(log_variance / 2)")),
        Mistake("a power of another number than e: the logarithm is the natural one.",
                _of_draw("ops.exp(log_variance / 2)", "2.0 ** (log_variance / 2)")),
        Mistake("a power of another number than e: the logarithm is the natural one.",
                _of_draw("ops.exp(log_variance / 2)", "10.0 ** (log_variance / 2)")),
        Mistake("a softplus is positive, like a standard deviation, but it does not undo a logarithm.",
                _of_draw("exp(log_variance / 2)", "softplus(log_variance)")),
        Mistake("the noise stands in the exponent. The standard deviation comes first, then it scales the noise.",
                _of_draw("ops.exp(log_variance / 2) * noise", "ops.exp(log_variance / 2 * noise)")),
        Mistake("one standard deviation, an average, serves all latents of an image. Each latent has its own.",
                _of_draw("ops.exp(log_variance / 2)", "ops.mean(ops.exp(log_variance / 2), axis=-1, keepdims=True)")),
    ), hints=(
        "Noise from N(0, 1) times a standard deviation has that standard deviation; plus a mean, it has that mean.",
        "The encoder gives the logarithm of the variance. Which power of the variance is the standard deviation, "
        "and what does a power become inside the exponential?",
        "One line: mean, plus the standard deviation times the noise. `ops.exp` works on tensors.",
    )),
    Exercise(identifier="6.2", reference=kl_to_standard_normal, cases=_narrow_gaussians, observe=value_and_gradients,
             mistakes=(
        Mistake("`exp(log_variance / 2)` is the standard deviation. The formula asks for its square, the variance.",
                _of_kl("exp(log_variance)", "exp(log_variance / 2)")),
        Mistake("variance and `log_variance` cancel: one of them stands where the other belongs. The formula has σ² "
                "and ln σ².",
                _of_kl("ops.exp(log_variance)", "log_variance")),
        Mistake("you sum over the batch as well. Each image has a KL of its own: sum over the last axis only.",
                _of_kl(", axis=-1", "")),
        Mistake("you take `log_variance` for the variance. Undo the logarithm where the variance stands.",
                _of_kl("ops.exp(log_variance)", "log_variance", "1 - log_variance", "1 - ops.log(log_variance)")),
        Mistake("you take `log_variance` for the logarithm of the standard deviation: σ² = exp(log_variance), "
                "without another square.",
                _of_kl("exp(log_variance)", "exp(2 * log_variance)", "1 - log_variance", "1 - 2 * log_variance")),
        Mistake("exp(log_variance) is the variance already, and here its square is taken.",
                _of_kl("exp(log_variance)", "exp(2 * log_variance)")),
        Mistake("half of `log_variance` is the logarithm of σ. The formula has that of σ².",
                _of_kl("1 - log_variance", "1 - log_variance / 2")),
        Mistake("the mean stands there without its square: the KL grows with the square of the distance from zero.",
                _of_kl("ops.square(mean)", "mean")),
        Mistake("the mean stands there without its square: the KL grows with the square of the distance from zero.",
                _of_kl("ops.square(mean)", "ops.abs(mean)")),
        Mistake("the mean is divided by the standard deviation. The formula has μ² as it is.",
                _of_kl("ops.square(mean)", "ops.square(mean) / variance")),
        Mistake("the means are added up before they are squared. Square each one.",
                _of_kl("ops.sum(terms, axis=-1)", "(ops.sum(terms - ops.square(mean), axis=-1) + ops.square("
                                                  "ops.sum(mean, axis=-1)))")),
        Mistake("1 is subtracted once for an image. It belongs to each dimension, inside the sum.",
                _of_kl("- 1 ", "", "axis=-1)", "axis=-1) - 1", "ops.sum", "(ops.sum", "/ 2", ") / 2")),
        Mistake("the ½ stands at the square of the mean alone. All terms have it.",
                _of_kl("ops.square(mean)", "ops.square(mean) / 2", "axis=-1) / 2", "axis=-1)")),
        Mistake("the divergences of an image's dimensions are multiplied, or only the largest counts. They add up.",
                lambda mean, log_variance: ops.prod(_by_dimension(mean, log_variance), axis=-1)),
        Mistake("the divergences of an image's dimensions are multiplied, or only the largest counts. They add up.",
                lambda mean, log_variance: ops.max(_by_dimension(mean, log_variance), axis=-1)),
        Mistake("this is the KL divergence the other way round, from the prior to q. The expectation is under q.",
                _of_kl("ops.square(mean) + variance - 1 - log_variance",
                       "log_variance + (1 + ops.square(mean)) / variance - 1")),
        Mistake("this is the cross entropy with the prior. You must still subtract the entropy of q.",
                _of_kl("- 1 - log_variance", "+ float(np.log(2 * np.pi))")),
    ), hints=(
        "The formula stands above for one dimension. Work out the terms element by element first, then ask "
        "which axis is summed.",
        "The variance is σ² = exp(log_variance), and ln σ² is `log_variance` itself: no second logarithm.",
        "Three terms and a constant inside the sum over `axis=-1`, and a ½ in front. Try q = N(0, 1): it must "
        "give zero.",
    )),
    Exercise(identifier="6.3", reference=elbo, cases=_images_logits_and_gaussians, mistakes=(
        Mistake("this is minus the ELBO. That is the loss for training; here we want the bound itself.",
                lambda *given: -elbo(*given)),
        Mistake("the sign of the log-likelihood is wrong: a cross entropy is minus the log-likelihood.",
                _of_elbo("return log_likelihood", "return -log_likelihood")),
        Mistake("the KL divergence is missing: without it, this is an autoencoder.", _of_elbo(" - kl", "")),
        Mistake("only minus the KL is left: the log-likelihood is missing, or it is the likelihood itself, which is "
                "practically 0.", _of_elbo("log_likelihood - kl", "-kl")),
        Mistake("the log-likelihood is averaged over the pixels while the KL is summed. That weighs the KL 784 "
                "times too much.", _of_elbo("(images, logits)", "(images, logits) / 784")),
        Mistake("the KL is averaged over the pixels while the log-likelihood is summed: a hidden β of 1/784.",
                _of_elbo("- kl", "- kl / 784")),
        Mistake("the KL counts half, or double. In the bound it has the factor 1.", _of_elbo("- kl", "- kl / 2")),
        Mistake("the KL counts half, or double. In the bound it has the factor 1.", _of_elbo("- kl", "- 2 * kl")),
        Mistake("the KL is averaged over the latent dimensions. Nats add up.",
                _of_elbo("- kl", "- kl / mean.shape[-1]")),
        Mistake("you average over the batch: one value for each image is wanted.",
                lambda *given: ops.mean(elbo(*given))),
        Mistake("you pass probabilities where logits are wanted. `bernoulli_log_likelihood` takes the logits as "
                "they come: leave out the sigmoid.", _of_elbo("(images, logits)", "(images, ops.sigmoid(logits))")),
        Mistake("you use logits as probabilities: a logit can be negative, and then it has no logarithm.",
                _of_elbo("bernoulli_log_likelihood(images, logits)",
                         "ops.sum(images * ops.log(logits) + (1 - images) * ops.log(1 - logits), axis=-1)")),
        Mistake("only the pixels with ink count, or only those without. Each pixel is a coin that says something.",
                _of_elbo("bernoulli_log_likelihood(images, logits)",
                         "ops.sum(images * ops.log_sigmoid(logits), axis=-1)")),
        Mistake("only the pixels with ink count, or only those without. Each pixel is a coin that says something.",
                _of_elbo("bernoulli_log_likelihood(images, logits)",
                         "ops.sum((1 - images) * ops.log_sigmoid(-logits), axis=-1)")),
        Mistake("the squared error stands where the log-likelihood belongs: that is no likelihood of zeros and ones.",
                _of_elbo("bernoulli_log_likelihood(images, logits)",
                         "-ops.sum(ops.square(images - ops.sigmoid(logits)), axis=-1)")),
        Mistake("the KL stands the other way round, from the prior to q. In the bound, the expectation is under q.",
                _of_elbo("kl_to_standard_normal(mean, log_variance)", "ops.sum((1 + mean ** 2) / ops.exp(log_variance) "
                         "- 1 + log_variance, axis=-1) / 2")),
    ), hints=(
        "Both terms are functions that you have met: `bernoulli_log_likelihood` and your own "
        "`kl_to_standard_normal`. Both give one number of nats for each image.",
        "The first says how well the decoded latent explains the image; the second is the price of moving q away "
        "from the prior. Which sign must a price have in a sum that should be large?",
        "No `mean`, no `sum`: both functions have summed already, over pixels and over latent dimensions.",
    )),
    Exercise(identifier="6.4", reference=decode_grid, observe=_decoded_grid,
             cases=lambda: [(_planar_decoder(3), 4), (_planar_decoder(5), 5), (_planar_decoder(7), 7)], mistakes=(
        Mistake("these are logits. A picture wants probabilities: what squeezes a logit into [0, 1]?",
                _of_grid("ops.sigmoid(decoder(latents))", "decoder(latents)")),
        Mistake("you cut logits off at 0 and 1. They run from -∞ to ∞, and a sigmoid turns them into probabilities.",
                _of_grid("ops.sigmoid(decoder(latents))", "ops.clip(decoder(latents), 0, 1)")),
        Mistake("this is a softmax, which makes all pixels sum to 1. Each pixel has a probability of its own.",
                _of_grid("sigmoid", "softmax")),
        Mistake("the exponential of a logit is the odds, which may exceed 1. The sigmoid makes a probability.",
                _of_grid("sigmoid", "exp")),
    ), hints=(
        "Cut the prior's probability into `side` equal parts and take the middle of each: (i + ½)/side for i = 0, "
        "1, … `norm.ppf` turns a probability into the z below which that much of the prior lies.",
        "`np.meshgrid(columns, rows)` gives z₁ and z₂ of every cell. Which way must the rows run so that z₂ grows "
        "upwards?",
        "Flatten both with `.ravel()`, stack them as columns of a (side², 2) float32 array, decode, and apply "
        "`ops.sigmoid`.",
    )),
    Exercise(identifier="6.5", reference=sample_prior, observe=_facts_of_samples,
             cases=lambda: [(Decoder(_probe), 40, 20), (Decoder(_probe), 30, 50)], mistakes=(
        Mistake(COINS["a comparison"][1],
                _of_samples("random.random(probabilities.shape) < probabilities", "probabilities > 0.5")),
        Mistake(COINS["logits"][1], _of_samples("ops.sigmoid(decoder(latents))", "decoder(latents)")),
    ), hints=(
        "Sampling follows the arrow of the model: first z from the prior, then x from p(x | z).",
        "`random = np.random.default_rng(seed)` makes the generator; `random.standard_normal(shape)` draws "
        "latents, `random.random(shape)` draws uniform numbers in [0, 1].",
        "A uniform number lies below p with probability p: that is the coin. Toss all pixels at once, and return "
        "float32.",
    )),
)
