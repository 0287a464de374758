"""Lesson 8 · Generative adversarial networks."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from utils.exercises.edits import edits_of
from utils.exercises.engine import Exercise, Mistake
from utils.gradients import value_and_gradients
from utils.lesson_08.study import optimal_discriminator
from utils.losses import discriminator_loss, generator_loss, saturating_generator_loss
from utils.models import gan_train_step


def _both_logits():
    random = np.random.default_rng(0)
    return [(np.array([[1.5]], np.float32), np.array([[-0.4]], np.float32)),
            (random.normal(1, 1, (4, 1)).astype(np.float32), random.normal(-1, 1, (4, 1)).astype(np.float32)),
            (np.array([[-400.0], [3.0]], np.float32), np.array([[2.0], [500.0]], np.float32))]


def _fake_logits():
    random = np.random.default_rng(1)
    return [(np.array([[1.5]], np.float32),), (random.normal(-1, 2, (5, 1)).astype(np.float32),),
            (np.array([[-300.0], [2.0]], np.float32),)]


def _densities():
    random = np.random.default_rng(2)
    return [(0.3, 0.1), (random.uniform(0.05, 1, 4), random.uniform(0.05, 1, 4)),
            (np.array([0.2, 0.0, 0.7]), np.array([0.0, 0.4, 0.1]))]


def _small_game(width, batch):
    """Return the arguments of `gan_train_step` for two small networks with weights of their own seeds."""
    def dense(units, seed, activation=None):
        return layers.Dense(units, activation, kernel_initializer=keras.initializers.GlorotUniform(seed),
                            bias_initializer=keras.initializers.RandomNormal(stddev=0.3, seed=seed + 1))

    generator = keras.Sequential([keras.Input((2,)), dense(width, 1, "tanh"), layers.BatchNormalization(), dense(3, 3)])
    discriminator = keras.Sequential([keras.Input((3,)), dense(width, 5, "tanh"), dense(1, 7)])
    optimizers = keras.optimizers.SGD(0.3), keras.optimizers.SGD(0.5)  # not built: they take any weights they are given
    random = np.random.default_rng(batch)
    return (generator, discriminator, *optimizers, random.normal(1.0, 0.7, (batch, 3)).astype(np.float32),
            random.normal(size=(batch, 2)).astype(np.float32))


def _weights_after_a_step(function, generator, discriminator, generator_optimizer, discriminator_optimizer, images,
                          latents):
    """Return the losses of two steps, made in a graph as `fit` makes them, and how far they moved the weights."""
    networks = {"generator": generator, "discriminator": discriminator}
    before = {name: [np.array(weight) for weight in network.get_weights()] for name, network in networks.items()}

    @tf.function
    def step():
        return function(generator, discriminator, generator_optimizer, discriminator_optimizer, tf.constant(images),
                        tf.constant(latents))

    both = [step(), step()]
    if both[0] is None:
        return None
    seen = {"losses (discriminator, generator)": np.array([[float(loss) for loss in losses] for losses in both])}
    for name, network in networks.items():
        seen[f"change of the {name}'s weights"] = np.concatenate(
            [np.ravel(new - old) for new, old in zip(network.get_weights(), before[name], strict=True)])
    return seen


def _generator_first(generator, discriminator, generator_optimizer, discriminator_optimizer, images, latents):
    with tf.GradientTape() as tape:
        loss_of_generator = generator_loss(discriminator(generator(latents, training=True), training=True))
    gradients = tape.gradient(loss_of_generator, generator.trainable_variables)
    generator_optimizer.apply(gradients, generator.trainable_variables)
    with tf.GradientTape() as tape:
        loss_of_discriminator = discriminator_loss(discriminator(images, training=True),
                                                   discriminator(generator(latents, training=True), training=True))
    gradients = tape.gradient(loss_of_discriminator, discriminator.trainable_variables)
    discriminator_optimizer.apply(gradients, discriminator.trainable_variables)
    return loss_of_discriminator, loss_of_generator


def _one_tape_for_both(generator, discriminator, generator_optimizer, discriminator_optimizer, images, latents):
    with tf.GradientTape(persistent=True) as tape:
        fake_logits = discriminator(generator(latents, training=True), training=True)
        losses = (discriminator_loss(discriminator(images, training=True), fake_logits), generator_loss(fake_logits))
    for loss, network, optimizer in zip(losses, (discriminator, generator),
                                        (discriminator_optimizer, generator_optimizer), strict=True):
        optimizer.apply(tape.gradient(loss, network.trainable_variables), network.trainable_variables)
    return losses


def find_the_faults():
    """Return the three wrong line numbers, from top to bottom."""
    return 5, 6, 8


def _which_are_right(function):
    """Return three flags instead of the line numbers: a wrong answer must not be answered with the right one."""
    found = tuple(function())
    if len(found) != 3:
        raise ValueError(f"three line numbers are wanted, such as (1, 2, 3), but {len(found)} came back")
    return {"faults found (1) or not (0)": np.isin((5, 6, 8), found).astype(float)}


_of_both, _of_fakes, _of_step, _of_best = map(
    edits_of, (discriminator_loss, generator_loss, gan_train_step, optimal_discriminator))
_REAL, _FAKE = "discriminator(images, training=True)", "discriminator(fakes, training=True)"
_FRESH = "discriminator(generator(latents, training=True), training=True)"
_ALL = "discriminator.trainable_variables + generator"  # what comes next in the source is .trainable_variables
_MOVE_GENERATOR = "generator_optimizer.apply(gradients, generator.trainable_variables)"
_MOVE_DISCRIMINATOR = "discriminator_optimizer.apply(gradients, discriminator.trainable_variables)"

EXERCISES = (
    Exercise(identifier="8.1", reference=discriminator_loss, cases=_both_logits, observe=value_and_gradients, mistakes=(
        Mistake("the logits are taken for probabilities. A cross-entropy of Keras needs `from_logits=True`.",
                lambda real, fake: -ops.mean(ops.log(ops.clip(real, 1e-7, 1 - 1e-7)))
                - ops.mean(ops.log(1 - ops.clip(fake, 1e-7, 1 - 1e-7)))),
        Mistake("the labels are swapped: the loss is small when fakes are taken for real. Which sign must a real "
                "image's logit have for a small loss?", lambda real, fake: discriminator_loss(fake, real)),
        Mistake("only the real images count. A discriminator that never sees a fake says \"real\" to everything.",
                _of_both("+ ops.mean(ops.softplus(fake_logits))", "")),
        Mistake("only the fakes count. What should happen to the logits of real images?",
                _of_both("ops.mean(ops.softplus(-real_logits)) +", "")),
        Mistake("fakes are labelled \"real\" as well: that is the generator's wish, not the discriminator's.",
                _of_both("softplus(fake_logits)", "softplus(-fake_logits)")),
        Mistake("you average both halves. The game adds them, so that an undecided discriminator has 2 ln 2.",
                lambda real, fake: 0.5 * discriminator_loss(real, fake)),
        Mistake("this is the value of the game, which the discriminator *maximises*. The loss is minus that.",
                lambda real, fake: -discriminator_loss(real, fake)),
        Mistake("you sum over the batch. Average, so that the loss does not depend on the batch size.",
                lambda real, fake: ops.sum(ops.softplus(-real)) + ops.sum(ops.softplus(fake))),
        Mistake("right for small logits, but `log(sigmoid(l))` of a logit in the hundreds is the log of 0. The "
                "softplus says the same and stays finite.",
                lambda real, fake: -ops.mean(ops.log(ops.sigmoid(real))) - ops.mean(ops.log(1 - ops.sigmoid(fake)))),
    ), hints=(
        "Two cross-entropies: one asks for \"real\" on real images, one for \"generated\" on fakes.",
        "The formulas above the cell: -log sigmoid(l) = softplus(-l), and -log(1 - sigmoid(l)) = softplus(l).",
        "`ops.mean(ops.softplus(...))` once for each batch, then add. Which of the two logits gets a minus sign?",
    )),
    Exercise(identifier="8.2", reference=generator_loss, cases=_fake_logits, observe=value_and_gradients, mistakes=(
        Mistake("the logits are taken for probabilities. A cross-entropy of Keras needs `from_logits=True`.",
                lambda fake: -ops.mean(ops.log(ops.clip(fake, 1e-7, 1 - 1e-7)))),
        Mistake("nearly: a small number under the logarithm keeps it finite, but caps the loss and kills its slope "
                "where the fakes are worst. Use the softplus.",
                lambda fake: -ops.mean(ops.log(ops.sigmoid(fake) + 1e-8))),
        Mistake("this is log(1 - D), the saturating loss of the game's formula. Its gradient dies when D is sure of "
                "the fake; the other one was asked for.", saturating_generator_loss),
        Mistake("the sign of the logit is turned: this is small when the fakes are found out.",
                _of_fakes("-fake_logits", "fake_logits")),
        Mistake("the sign is turned: this is log D, which the generator wants large. A loss is minimised.",
                _of_fakes("ops.mean", "-ops.mean")),
        Mistake("you sum over the batch. Average, so that the loss does not depend on the batch size.",
                _of_fakes("ops.mean", "ops.sum")),
        Mistake("this is minus the mean logit, the loss of a Wasserstein critic (lesson 9), not -log D.",
                _of_fakes("ops.softplus", "")),
        Mistake("right for small logits, but the log of a sigmoid is -∞ for a logit of -300. Use the softplus.",
                lambda fake: -ops.mean(ops.log(ops.sigmoid(fake)))),
    ), hints=(
        "The generator asks for the label \"real\" on its own images.",
        "-log sigmoid(l) is a softplus of what?",
        "One average over the batch of one softplus; mind the sign of its argument.",
    )),
    Exercise(identifier="8.3", reference=gan_train_step, cases=lambda: [_small_game(4, 3), _small_game(6, 8)],
             observe=_weights_after_a_step, tolerance=1e-3, seconds=60.0, mistakes=(
        Mistake("the generator's half moves the discriminator as well, and so undoes what it has just learnt. Ask the "
                "tape for the gradients of `generator.trainable_variables` alone.",
                _of_step("(loss_of_generator, generator", f"(loss_of_generator, {_ALL}",
                         "(gradients, generator", f"(gradients, {_ALL}")),
        Mistake("the generator learns from the discriminator as it was before its step. Call the discriminator again, "
                "under a second tape, after it has moved.", _one_tape_for_both),
        Mistake("the generator moves first. The discriminator goes first, on fakes of the present generator.",
                _generator_first),
        Mistake("the generator's loss is the saturating one, log(1 - D).",
                _of_step(f"generator_loss({_FRESH})", f"-ops.mean(ops.softplus({_FRESH}))")),
        Mistake("real and generated are swapped in `discriminator_loss`: real logits come first.",
                _of_step(f"{_REAL}, {_FAKE}", f"{_FAKE}, {_REAL}")),
        Mistake("the generator never moves: its half of the step is missing.", _of_step(_MOVE_GENERATOR, "")),
        Mistake("the discriminator never moves: its half of the step is missing.", _of_step(_MOVE_DISCRIMINATOR, "")),
        Mistake("the generator minimises the discriminator's loss, and so helps it to find the fakes.",
                _of_step(f"generator_loss({_FRESH})", f"ops.mean(ops.softplus({_FRESH}))")),
        Mistake("the networks are called without `training=True`: batch normalisation then uses old statistics and "
                "never learns new ones.",
                _of_step("fakes = generator(latents, training=True)", "fakes = generator(latents)", _FRESH,
                         "discriminator(generator(latents))")),
        Mistake("the discriminator is trained on real images alone. Its loss needs the logits of fakes as well.",
                _of_step(f"discriminator_loss({_REAL}, {_FAKE})", f"ops.mean(ops.softplus(-{_REAL}))")),
        Mistake("a sigmoid stands before the losses. Both take the logits as they come.",
                _of_step(f"{_REAL}, {_FAKE}", f"ops.sigmoid({_REAL}), ops.sigmoid({_FAKE})", _FRESH,
                         f"ops.sigmoid({_FRESH})")),
        Mistake("the weights move as they should, but the losses come back in the wrong order: the discriminator's "
                "first.", lambda *arguments: gan_train_step(*arguments)[::-1]),
    ), hints=(
        "Four lines for each player: a tape, the loss under it, `tape.gradient(loss, variables)`, and "
        "`optimizer.apply(gradients, variables)`.",
        "Discriminator: its loss needs the logits of `images` and of `generator(latents)`. Generator: its loss needs "
        "only the logits of `generator(latents)`, made afresh under its own tape.",
        "Whose `trainable_variables` you name in `tape.gradient` decides who moves. Return both losses as a pair.",
    )),
    Exercise(identifier="8.4", reference=optimal_discriminator, cases=_densities, mistakes=(
        Mistake("this is the probability of \"generated\". `real_density` belongs on top.",
                _of_best("real_density /", "fake_density /")),
        Mistake("this is the ratio of the densities, which is no probability: it can exceed 1.",
                lambda real, fake: real / fake),
        Mistake("this is the logit, the logarithm of the ratio. The probability is the sigmoid of it.",
                lambda real, fake: np.log(real) - np.log(fake)),
        Mistake("this is the difference of the densities. Solving for D gives a quotient.",
                lambda real, fake: real - fake),
        Mistake("the denominator is half of what it should be: p + q, not their average.",
                _of_best("real_density /", "2 * real_density /")),
    ), hints=(
        "Multiply the equation above by D (1 - D), and collect what stands beside D.",
        "Of all that the discriminator meets at one point, what share is real?",
    )),
    Exercise(identifier="8.5", reference=find_the_faults, cases=lambda: [()], observe=_which_are_right, mistakes=(
        Mistake("the last two are right. For the first, look at what the discriminator is *trained* on.",
                lambda: (4, 6, 8)),
        Mistake("the first and the last are right. For the second, ask in which line a plain number comes out of a "
                "network, through which no gradient can pass.", lambda: (5, 7, 8)),
        Mistake("the first two are right. For the third, find the line that *trains* the generator.",
                lambda: (5, 6, 7)),
        Mistake("the first is right. For the others, follow the number in `value`: where is it made, and which line "
                "trains on it?", lambda: (5, 7, 7)),
        Mistake("the last is right. For the first, look at what the discriminator is trained on; for the second, at "
                "where a plain number comes out of a network.", lambda: (4, 7, 8)),
        Mistake("the second is right. The other two are the lines that train: what does each of them train on?",
                lambda: (4, 6, 7)),
        Mistake("none of the three yet. Compare with your `gan_train_step`: what is each network trained on, and where "
                "should a gradient flow?", lambda: (1, 2, 3)),
    ), hints=(
        "Compare the loop, line by line, with your `gan_train_step`: what does each player learn from?",
        "Two lines train. One of them shows its network only one kind of image; the other asks its network to paint a "
        "constant. Where does that constant come from?",
    )),
)
