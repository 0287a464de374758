"""Lesson 6 · Variational autoencoders."""

import numpy as np
from keras import ops

from utils.exercises.edits import edits_of
from utils.exercises.engine import Exercise, Mistake
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
        (random.normal(size=(4, 3)).astype(np.float32), random.normal(size=(4, 3)).astype(np.float32)),
    ]


def _gaussians_and_noise():
    random = np.random.default_rng(1)
    return [(mean, log_variance, random.normal(size=mean.shape).astype(np.float32))
            for mean, log_variance in _gaussians()]


def _images_logits_and_gaussians():
    random = np.random.default_rng(2)
    for batch, pixels, latent_dim in ((2, 3, 1), (3, 5, 2), (4, 784, 3)):
        images = (random.random((batch, pixels)) < 0.4).astype(np.float32)
        yield images, *(random.normal(size=(batch, size)).astype(np.float32)
                        for size in (pixels, latent_dim, latent_dim))


class Decoder:
    """A function of latents that can be called, and asked to `predict`, like a Keras model."""

    def __init__(self, function):
        self.function = function

    def __call__(self, latents, training=False):
        return self.function(ops.convert_to_tensor(latents, "float32"))

    def predict(self, latents, **options):
        return np.asarray(self(latents))


def _planar_decoder(pixels):
    """Return a linear decoder whose output tells both latents apart."""
    weights = np.random.default_rng(pixels).normal(size=(2, pixels)).astype(np.float32)
    return Decoder(lambda latents: ops.matmul(latents, weights))


def _moments_of_samples(function, decoder, count, latent_dim):
    """Return what tells right samples from wrong ones: their shape, values, and the moments of single pixels.

    The decoder shows each latent on a pixel of its own, amplified, so that a pixel is on where its latent is positive.
    """
    images = np.asarray(function(decoder, count, latent_dim, seed=3), np.float64)
    if images.ndim != 2:
        return {"shape of the samples": np.array(images.shape)}
    again = np.asarray(function(decoder, count, latent_dim, seed=3), np.float64)
    return {
        "shape of the samples": np.array(images.shape),
        "are all values 0 or 1?": float(np.isin(images, (0, 1)).all()),
        "images that differ from the first one": float(np.any(images != images[0], axis=1).mean() > 0.5),
        "does the same seed give the same images? (1 yes, 0 no)": float(np.array_equal(images, again)),
        "are two pixels with a fair coin each on or off independently? (1 yes, 0 no)":
            float(abs(np.mean(images[:, 0] == images[:, 1]) - 0.5) < 0.1),
        "mean of all pixels, to one decimal": np.round(images.mean(), 1),
        "how often a pixel is on whose logit is 2 |z|, to one decimal": np.round(images[:, -1].mean(), 1),
        "how often a pixel is on whose logit is 0": np.round(images[:, 0].mean(), 1),
    }


def _probe(latents):
    size = ops.sqrt(ops.sum(ops.square(latents), axis=-1, keepdims=True))
    return ops.concatenate([0 * size, 0 * size, 8 * latents, -3 + 0 * size, 2 * size - 1.5], axis=-1)


_of_draw, _of_kl, _of_elbo = edits_of(reparameterise), edits_of(kl_to_standard_normal), edits_of(elbo)
_of_grid, _of_samples = edits_of(decode_grid), edits_of(sample_prior)
_MIDDLES = "(np.arange(side) + 0.5) / side"  # of `side` equal shares


EXERCISES = (
    Exercise(identifier="6.1", reference=reparameterise, cases=_gaussians_and_noise, observe=value_and_gradients,
             mistakes=(
        Mistake("you scale the noise by the variance. What is the square root of exp(log variance)?",
                _of_draw("0.5 * ", "")),
        Mistake("you scale the noise by the log variance itself, which may even be negative. How does one get from "
                "a logarithm back to the number?", _of_draw("ops.exp(0.5 * log_variance)", "log_variance")),
        Mistake("the noise comes unscaled, so every posterior is as wide as the prior. Where does `log_variance` "
                "enter?", _of_draw("ops.exp(0.5 * log_variance) * ", "")),
        Mistake("the noise is missing: this is the mean, an autoencoder's code, not a draw.",
                _of_draw(") * noise", ") * 0")),
        Mistake("the mean is missing: the latents of every image would lie around zero.", _of_draw("mean + ", "")),
        Mistake("the scale has the wrong sign in its exponent: a large variance gives narrow noise.",
                _of_draw("0.5", "-0.5")),
        Mistake("the ½ belongs inside the exponential: it stands for the square root.",
                _of_draw("exp(0.5 * log_variance)", "exp(log_variance) * 0.5")),
        Mistake("this is the square root of the log variance, not of the variance. First `exp`, then the root.",
                _of_draw("exp(0.5 * log_variance)", "sqrt(ops.abs(log_variance))")),
        Mistake("the standard deviation is added to the noise. It scales the noise: what goes between them?",
                _of_draw("* noise", "+ noise")),
        Mistake("the values are right, but no gradient reaches `log_variance`: is its part cut off by `stop_gradient` "
                "or made by NumPy?", _of_draw("* log_variance", "* ops.stop_gradient(log_variance)")),
    ), hints=(
        "Noise from N(0, 1) times a standard deviation has that standard deviation; plus a mean, it has that mean.",
        "The encoder gives the logarithm of the variance. Which power of the variance is the standard deviation, "
        "and what does a power become inside the exponential?",
        "One line: mean, plus the standard deviation times the noise. `ops.exp` works on tensors.",
    )),
    Exercise(identifier="6.2", reference=kl_to_standard_normal, cases=_gaussians, observe=value_and_gradients,
             mistakes=(
        Mistake("`exp(log_variance / 2)` is the standard deviation. The formula asks for its square, the variance.",
                _of_kl("exp(log_variance)", "exp(0.5 * log_variance)")),
        Mistake("`log_variance` stands where the variance belongs. Undo the logarithm there.",
                _of_kl("ops.exp(log_variance)", "log_variance")),
        Mistake("exactly twice the right value: the factor ½ is missing.", _of_kl("0.5 * ", "")),
        Mistake("the sign is turned round: a KL divergence is never negative.", _of_kl("0.5", "-0.5")),
        Mistake("you average over the latent dimensions. Nats add up: independent dimensions want a sum.",
                _of_kl("ops.sum", "ops.mean")),
        Mistake("you sum over the batch as well. Each image has a KL of its own: sum over the last axis only.",
                _of_kl(", axis=-1", "")),
        Mistake("you take `log_variance` for the variance. Undo the logarithm where the variance stands.",
                _of_kl("ops.exp(log_variance)", "log_variance",
                       "1 - log_variance", "1 - ops.log(ops.abs(log_variance))")),
        Mistake("you take `log_variance` for the logarithm of the standard deviation: σ² = exp(log_variance), "
                "without another square.",
                _of_kl("exp(log_variance) - 1 - log_variance", "exp(2 * log_variance) - 1 - 2 * log_variance")),
        Mistake("the mean stands there unsquared: the KL must not depend on the sign of the mean.",
                _of_kl("ops.square(mean)", "mean")),
        Mistake("the -1 is missing: for q = N(0, 1) the KL must be zero.", _of_kl(" - 1", "")),
        Mistake("the sign of the term `log_variance` is turned: a very narrow q must cost more, not less.",
                _of_kl("- log_variance", "+ log_variance")),
        Mistake("this is the KL divergence the other way round, from the prior to q. The expectation is under q.",
                _of_kl("ops.square(mean) + ops.exp(log_variance) - 1 - log_variance",
                       "log_variance + (1 + ops.square(mean)) * ops.exp(-log_variance) - 1")),
    ), hints=(
        "The formula stands above for one dimension. Work out the terms element by element first, then ask "
        "which axis is summed.",
        "The variance is σ² = exp(log_variance), and ln σ² is `log_variance` itself: no second logarithm.",
        "Three terms and a constant inside the sum over `axis=-1`, and a ½ in front. Try q = N(0, 1): it must "
        "give zero.",
    )),
    Exercise(identifier="6.3", reference=elbo, cases=_images_logits_and_gaussians, mistakes=(
        Mistake("`images` and `logits` have changed places: the images come first in `bernoulli_log_likelihood`.",
                _of_elbo("(images, logits)", "(logits, images)")),
        Mistake("`mean` and `log_variance` have changed places in the KL.",
                _of_elbo("(mean, log_variance)", "(log_variance, mean)")),
        Mistake("you add the KL divergence. The bound is what is explained minus what it cost to say where.",
                _of_elbo("- kl", "+ kl")),
        Mistake("this is minus the ELBO. That is the loss one minimises; the bound itself is wanted here.",
                lambda *given: -elbo(*given)),
        Mistake("the KL divergence is missing: without it, this is an autoencoder.",
                _of_elbo(" - kl_to_standard_normal(mean, log_variance)", "")),
        Mistake("the log-likelihood is averaged over the pixels while the KL is summed. That weighs the KL 784 "
                "times too much.", _of_elbo("(images, logits)", "(images, logits) / images.shape[-1]")),
        Mistake("the KL is averaged over the pixels while the log-likelihood is summed: a hidden β of 1/784.",
                _of_elbo("(mean, log_variance)", "(mean, log_variance) / images.shape[-1]")),
        Mistake("the whole bound is divided by the number of pixels. Nats per image are sums.",
                lambda images, *others: elbo(images, *others) / images.shape[-1]),
        Mistake("you average over the batch: one value for each image is wanted.",
                lambda *given: ops.mean(elbo(*given))),
        Mistake("you pass probabilities where logits are wanted. `bernoulli_log_likelihood` takes the logits as "
                "they come: leave out the sigmoid.", _of_elbo("(images, logits)", "(images, ops.sigmoid(logits))")),
    ), hints=(
        "Both terms are functions that you have met: `bernoulli_log_likelihood` and your own "
        "`kl_to_standard_normal`. Both give one number of nats for each image.",
        "The first says how well the decoded latent explains the image; the second is the price of moving q away "
        "from the prior. Which sign does a price have?",
        "No `mean`, no `sum`: both functions have summed already, over pixels and over latent dimensions.",
    )),
    Exercise(identifier="6.4", reference=decode_grid,
             cases=lambda: [(_planar_decoder(3), 2), (_planar_decoder(5), 3), (_planar_decoder(7), 6)], mistakes=(
        Mistake("these are logits. A picture wants probabilities: what squeezes a logit into [0, 1]?",
                _of_grid("ops.sigmoid(decoder(latents))", "decoder(latents)")),
        Mistake("z₂ grows downwards. The first row of the picture is its top: give it the largest z₂.",
                _of_grid("[::-1]", "")),
        Mistake("the two axes are swapped: z₁ should grow to the right, z₂ upwards.",
                _of_grid("[first.ravel(), second.ravel()]", "[second.ravel(), first.ravel()]")),
        Mistake("the steps are even in z. Steps of even probability want the quantile function `norm.ppf`.",
                _of_grid(f"norm.ppf({_MIDDLES})", "np.linspace(-2, 2, side)")),
        Mistake("the steps are even in z. Steps of even probability want the quantile function `norm.ppf`.",
                _of_grid(f"norm.ppf({_MIDDLES})", "np.linspace(-3, 3, side)")),
        Mistake("these are the probabilities (i + ½)/side themselves. The quantile function `norm.ppf` turns them "
                "into latents.", _of_grid("norm.ppf", "")),
        Mistake("the probabilities end at 1, whose quantile is ∞. Take the middle of each share, not its edge.",
                _of_grid(_MIDDLES, "np.arange(1, side + 1) / side")),
        Mistake("rows and columns have changed places, as `meshgrid` does with indexing=\"ij\": z₁ grows to the "
                "right, z₂ upwards.", _of_grid("[::-1]", "[::-1], indexing='ij'")),
        Mistake("the probabilities begin at 0 and end at 1, and the quantiles of these are -∞ and ∞. Take the "
                "middle of each share, not its edges.", _of_grid(_MIDDLES, "np.linspace(0, 1, side)")),
        Mistake("quantiles, but not of the middles of `side` equal shares: your probabilities are i/(side + 1).",
                _of_grid(_MIDDLES, "np.arange(1, side + 1) / (side + 1)")),
        Mistake("quantiles, but not of the middles of `side` equal shares: the range from 0.05 to 0.95 is cut.",
                _of_grid(_MIDDLES, "np.linspace(0.05, 0.95, side)")),
    ), hints=(
        "Cut the prior's probability into `side` equal parts and take the middle of each: (i + ½)/side for i = 0, "
        "1, … `norm.ppf` turns a probability into the z below which that much of the prior lies.",
        "`np.meshgrid(columns, rows)` gives z₁ and z₂ of every cell. Which way must the rows run so that z₂ grows "
        "upwards?",
        "Flatten both with `.ravel()`, stack them as columns of a (side², 2) float32 array, decode, and apply "
        "`ops.sigmoid`.",
    )),
    Exercise(identifier="6.5", reference=sample_prior,
             cases=lambda: [(Decoder(_probe), 4000, 2), (Decoder(_probe), 3000, 5)], observe=_moments_of_samples,
             mistakes=(
        Mistake("these are the pixels' probabilities. A sample of the model is an image: toss each pixel's coin.",
                _of_samples("(random.random(probabilities.shape) < probabilities).astype('float32')", "probabilities")),
        Mistake("you cut the probabilities at ½, so that every pixel with 30% is always off. Toss each pixel's coin "
                "instead.", _of_samples("random.random(probabilities.shape) < probabilities", "probabilities > 0.5")),
        Mistake("the latents are uniform in [0, 1]. The prior is a standard normal: half of it is negative.",
                _of_samples("standard_normal", "random")),
        Mistake("all images come from one and the same latent. Draw one for each image: shape (count, latent_dim).",
                _of_samples("((count, latent_dim))", "((1, latent_dim)).repeat(count, axis=0)")),
        Mistake("you toss coins with logits for probabilities. Apply the sigmoid to what the decoder returns.",
                _of_samples("ops.sigmoid(decoder(latents))", "decoder(latents)")),
    ), hints=(
        "Sampling follows the arrow of the model: first z from the prior, then x from p(x | z).",
        "`random = np.random.default_rng(seed)` makes the generator; `random.standard_normal(shape)` draws "
        "latents, `random.random(shape)` draws numbers that are even in [0, 1].",
        "A coin that shows 1 with probability p: a uniform number lies below p. Do that for all pixels at once, "
        "and return float32.",
    )),
)
