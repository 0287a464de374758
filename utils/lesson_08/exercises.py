"""Lesson 8 · Generative adversarial networks."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from utils.exercises.comparing import Fact
from utils.exercises.edits import edits_of
from utils.exercises.engine import Exercise, Mistake
from utils.exercises.running import Unusable
from utils.gradients import value_and_gradients, with_gradients
from utils.lesson_08.study import optimal_discriminator
from utils.losses import discriminator_loss, generator_loss, saturating_generator_loss
from utils.models import gan_train_step


def _both_logits():
    """Return (real_logits, fake_logits) cases: small ones, middling ones, and two with logits too large for `exp`."""
    random = np.random.default_rng(0)
    return [(np.array([[1.5], [-0.3]], np.float32), np.array([[-0.4], [0.9]], np.float32)),
            (random.normal(1, 1, (4, 1)).astype(np.float32), random.normal(-1, 1, (4, 1)).astype(np.float32)),
            (np.array([[-400.0], [3.0]], np.float32), np.array([[2.0], [500.0]], np.float32)),
            (np.array([[-120.0], [90.0], [-1.0]], np.float32), np.array([[-100.0], [150.0], [2.0]], np.float32))]


def _fake_logits():
    random = np.random.default_rng(1)
    return [(np.array([[1.5], [-0.6]], np.float32),), (random.normal(-1, 2, (5, 1)).astype(np.float32),),
            (np.array([[-300.0], [2.0]], np.float32),), (np.array([[-110.0], [140.0], [0.5]], np.float32),)]


def _loss_and_gradients(function, *logits):
    """Return what `with_gradients` does; a graph, which takes a while, is built for the last case, of three images."""
    logits = [tf.constant(each) for each in logits]
    return with_gradients(function, logits, dtype=tf.float32, in_graph=len(logits[0]) == 3)


_loss_and_gradients.plain = value_and_gradients.plain


def _densities():
    random = np.random.default_rng(2)
    return [(np.array([0.3, 0.2]), np.array([0.1, 0.5])), (np.array([0.2, 0.0, 0.7]), np.array([0.0, 0.4, 0.1])),
            *(tuple(random.uniform(lowest, highest, (2, size))) for lowest, highest, size in (
                (0.05, 1.5, 4), (1e-4, 3e-4, 5), (0, 1.5, 7)))]


class _Diary:
    """What happened in one step: who was called with what, and which weights an optimiser moved, in this order."""

    def __init__(self):
        self.open, self.calls, self.moves, self.order = False, [], [], ""

    def call(self, player, inputs, training):
        if self.open:
            self.calls.append((player, np.array(inputs), bool(training), len(self.moves)))
            self.order += player

    def move(self, optimizer, gradients, variables):
        self.moves.append((optimizer, [None if each is None else np.array(each) for each in gradients], variables,
                           self.weights()))
        moved = {id(each) for each in variables}
        whose = [player for player in "gd" if moved & {id(each) for each in self.variables[player]}]
        self.order += whose[0].upper() if len(whose) == 1 else "B"

    def values(self, player):
        return [np.array(each) for each in self.variables[player]]


class _Witness(layers.Layer):
    """The first layer of a player, which notes what comes in."""

    def __init__(self, player, diary):
        super().__init__()
        self.player, self.diary = player, diary

    def call(self, inputs, training=None):
        self.diary.call(self.player, inputs, training)
        return inputs


class _NotingSGD(keras.optimizers.SGD):
    """Plain gradient descent, which notes what it is asked for and moves any weights."""

    def __init__(self, learning_rate, player, diary):
        super().__init__(learning_rate)
        self.player, self.diary = player, diary

    def apply(self, grads, trainable_variables=None):
        gradients = list(grads)
        variables = list(self._trainable_variables if trainable_variables is None else trainable_variables)
        if any(not hasattr(each, "assign") for each in variables):
            raise TypeError("`apply` takes the gradients first and the variables second")
        self.diary.move(self.player, gradients, variables)
        for gradient, variable in zip(gradients, variables):
            if gradient is not None:
                variable.assign_sub(self.learning_rate * gradient)
        self.iterations.assign_add(1)


def _small_game(batch, noting):
    """Return the arguments of `gan_train_step` for two small networks with weights of their own seeds.

    Those that note what happens have hidden layers; the others are linear, for a graph of theirs is built in no time.
    """
    def dense(units, seed, activation=None):
        return layers.Dense(units, activation, kernel_initializer=keras.initializers.GlorotUniform(seed),
                            bias_initializer=keras.initializers.RandomNormal(stddev=0.3, seed=seed + 1))

    diary = _Diary()
    hidden = ([_Witness("g", diary), dense(4, 1, "tanh"), layers.BatchNormalization()],
              [_Witness("d", diary), dense(4, 5, "tanh")]) if noting else ([], [])
    generator = keras.Sequential([keras.Input((2,)), *hidden[0], dense(3, 3)])
    discriminator = keras.Sequential([keras.Input((3,)), *hidden[1], dense(1, 7)])
    diary.variables = {"g": generator.trainable_variables, "d": discriminator.trainable_variables}
    diary.weights = lambda: (generator.get_weights(), discriminator.get_weights())
    optimizers = [_NotingSGD(rate, player, diary) if noting else keras.optimizers.SGD(rate)
                  for rate, player in ((0.3, "g"), (0.5, "d"))]
    for optimizer, network in zip(optimizers, (generator, discriminator)):
        optimizer.build(network.trainable_variables)  # as `compile` does
    random = np.random.default_rng(batch)
    return (generator, discriminator, *optimizers, random.normal(1.0, 0.7, (batch, 3)).astype(np.float32),
            random.normal(size=(batch, 2)).astype(np.float32))


def _games():
    yield _small_game(4, noting=True)
    yield _small_game(8, noting=False)


_NAMES = {"g": "generator", "d": "discriminator"}
_PAIR = Fact("do two losses come back?", "two losses should come back as a pair, the discriminator's and the "
             "generator's, and something else did.")
_BY_HAND = {player: Fact(f"does its optimiser move the {name}?", f"the {name}'s weights move, but no optimiser moves "
                         "them. Each player has one: `optimizer.apply(gradients, variables)`.")
            for player, name in _NAMES.items()}
_MOVES = {player: Fact(f"does the {name} move?", f"the {name} never moves: its half of the step is missing, or its "
                       "gradients are not applied.") for player, name in _NAMES.items()}
_OTHER = Fact("does the second half move the generator?", "the discriminator moves twice, and the generator never. "
              "Whose variables does the second half name?")
_AT_ONCE = Fact("is an optimiser called once, for all weights?", "an optimiser is called for some of a player's "
                "weights at a time, and counts each call as a step. Give it all gradients and all weights in one call.")
_D_ALONE = Fact("does the discriminator's half move it alone?", "the discriminator's half moves the generator as well. "
                "Ask the tape for the gradients of `discriminator.trainable_variables` alone.")
_G_ALONE = Fact("does the generator's half move it alone?", "the generator's half moves the discriminator as well, and "
    "so undoes what it has just learnt. Ask the tape for the gradients of `generator.trainable_variables` alone.")
_FIRST = Fact("who moves first?", "the generator moves first. The discriminator goes first, on fakes of the present "
              "generator.")
_TWICE = {player: Fact(f"does the {name} move once?", f"the {name} moves twice in one step.")
          for player, name in _NAMES.items()}
_ONCE = Fact("does each move once?", "each player should move once, the discriminator first, and they do not.")
_OWN = Fact("does each have its own optimiser?", "the optimisers have changed places: each player has one of its own.")
_TRAINING = Fact("are the networks in training?", "the networks are called without `training=True`: batch "
                 "normalisation then uses old statistics and never learns new ones.")
_IN_TRAINING = {(player, half): Fact(f"is the {name} in training in the {where} half?", f"the {name} is called without "
                                     f"`training=True` in the {where} half.") for player, name in _NAMES.items()
                for half, where in enumerate(("discriminator's", "generator's"))}
_LATENTS = Fact("are the latents used?", "the generator is called with other latents than those that were handed over.")
_SAME = Fact("are the latents used in both halves?", "the generator's half uses other latents than those that were "
             "handed over. Take the same in both halves.")
_ALL = Fact("are all images used?", "only some of the real images reach the discriminator.")
_AFTER = Fact("does the generator learn from the discriminator that has moved?", "the generator learns from the "
    "discriminator as it was before its step. Call the discriminator again, under a second tape, after it has moved.")
_ANEW = Fact("are the fakes made anew?", "the generator's half uses the fakes of the first half. Make them anew, under "
             "its own tape.")
_REACHED = {player: Fact(f"does a gradient reach the {name}?", f"no gradient reaches the {name}'s weights in its half. "
                         "Is it called under the tape, does the loss depend on what it gives, and does nothing between "
                         "them stop the gradient?") for player, name in _NAMES.items()}
_OF_D = {
    "real": Fact("does the discriminator learn from fakes?", "the discriminator is trained on real images alone. Its "
                 "loss needs the logits of fakes as well."),
    "fake": Fact("does the discriminator learn from images?", "the discriminator is trained on fakes alone. Its loss "
                 "needs the logits of real images as well."),
    "swapped": Fact("which images are real?", "real and generated are swapped in `discriminator_loss`: real logits "
                    "come first."),
    "up": Fact("does the discriminator go down its loss?", "the discriminator goes up its loss instead of down: a sign "
               "is turned in its half."),
    "scaled": Fact("is the discriminator's gradient as long as it should be?", "the discriminator's gradient has the "
                   "right direction and the wrong length. Is its loss, or the gradient, multiplied or divided by "
                   "something?"),
    "other": Fact("is it the gradient of the discriminator's loss?", "the discriminator's gradient is not that of "
                  "`discriminator_loss`, of the logits of all images and fakes. What else is in its loss?"),
}
_OF_G = {
    "helps": Fact("which loss has the generator?", "the generator minimises the discriminator's loss, and so helps it "
                  "to find the fakes."),
    "saturating": Fact("is its loss the non-saturating one?", "the generator's loss is the saturating one, log(1 - "
                       "D)."),
    "up": Fact("does the generator go down its loss?", "the generator goes up its loss instead of down: a sign is "
               "turned in its half."),
    "scaled": Fact("is the generator's gradient as long as it should be?", "the generator's gradient has the right "
                   "direction and the wrong length. Is its loss, or the gradient, multiplied or divided by something?"),
    "other": Fact("is it the gradient of the generator's loss?", "the generator's gradient is not that of "
                  "`generator_loss`, of the logits of its fakes. What else is in its loss?"),
}
_FROZEN = Fact("can the discriminator learn at the next step?", "the discriminator is frozen at the end, so that it "
               "learns nothing at the next step. Nothing needs to be frozen.")
_EARLY = Fact("which loss of the generator comes back?", "the generator's loss that comes back was measured before the "
              "discriminator's step, and is not the one that was minimised.")
_LATE = Fact("which losses come back?", "the losses that come back are measured after the steps. Return those that "
             "were minimised.")
_IN_GRAPH = Fact("does it run while `fit` builds its graph?", "right when it is called at once, but inside `fit` it "
    "stops: there tensors have no values yet, so that `float`, `.numpy()`, NumPy and `if` do not work on them.")
_LOSSES, _CHANGES = "losses (discriminator, generator)", "changes of the weights (generator, discriminator)"


def _losses_and_slopes(game, weights, images, latents, variables=(), player=""):
    """Return the losses of players with these weights, and gradients of one player's, the right and mistaken ones."""
    for network, values in zip(game, weights):
        network.set_weights(values)
    with tf.GradientTape(persistent=True) as tape:
        fakes = game[1](game[0](latents, training=True), training=True)
        images = game[1](images, training=True)
        losses = discriminator_loss(images, fakes), generator_loss(fakes)
        saturating = saturating_generator_loss(fakes)
        of_player = {"d": {"right": losses[0], "real": generator_loss(images), "fake": -saturating,
                           "swapped": discriminator_loss(fakes, images)},
                     "g": {"right": losses[1], "saturating": saturating, "helps": -saturating}}.get(player, {})
    return np.array(losses), {name: np.concatenate([np.ravel(slope) for slope in tape.gradient(loss, variables)])
                              for name, loss in of_player.items()}


def _fits(name, came, slopes):
    """Return whether a gradient is the mistaken one of that name."""
    if name in slopes:
        return np.allclose(came, slopes[name], 1e-3, 1e-6)
    cosine = came @ slopes["right"] / np.linalg.norm(came) / np.linalg.norm(slopes["right"])
    return {"up": cosine < -0.9999, "scaled": cosine > 0.9999, "other": True}[name]


def _facts_of_a_step(diary, game, images, latents, losses):
    """Yield (fact, whether it holds), in the order in which a step goes wrong, from a diary of it."""
    moves, order, at_end, variables = diary.moves, diary.order, diary.weights(), diary.variables
    moved = "".join(filter(str.isupper, order))
    unmoved = {player for player in "dg" if player.upper() not in moved and "B" not in moved}
    for player in "dg":
        still = all(map(np.array_equal, diary.start[player], diary.values(player)))
        yield _BY_HAND[player], still or player not in unmoved
    yield _OTHER, moved != "DD"
    for player in "dg":
        yield _MOVES[player], player not in unmoved
    yield _AT_ONCE, all(len(variables[who]) <= len(move[2]) for who, move in zip(moved.lower(), moves) if who != "b")
    yield _D_ALONE, moved[0] != "B" and not (moved == "DGG" and "DG" in order)
    yield _G_ALONE, "B" not in moved and moved != "DGD"
    yield _FIRST, moved != "GD"
    yield _TWICE["d"], moved != "DDG"
    yield _TWICE["g"], moved != "DGG"
    yield _ONCE, moved == "DG"
    yield _OWN, [move[0] for move in moves] == ["d", "g"]
    calls = [call for call in diary.calls if call[3] < 2]  # not those after both moves
    yield _TRAINING, any(training for *_, training, _ in calls)
    for key, fact in _IN_TRAINING.items():
        yield fact, all(training for player, _, training, half in calls if (player, half) == key)
    for half, fact in enumerate((_LATENTS, _SAME)):
        came = [inputs for player, inputs, _, when in calls if (player, when) == ("g", half)]
        yield fact, all(np.shape(inputs) == np.shape(latents) and np.allclose(inputs, latents) for inputs in came)
    seen = {tuple(row) for player, inputs, _, half in calls if (player, half) == ("d", 0) for row in inputs}
    yield _ALL, len({tuple(row) in seen for row in images}) == 1
    between = order[order.index("D"):order.index("G")]
    yield _AFTER, "d" in between
    yield _ANEW, "g" in between
    yield _FROZEN, len(game[1].trainable_variables) == len(variables["d"])
    at_start = None
    for (player, came, _, weights), mistaken in zip(moves, (_OF_D, _OF_G)):
        true, slopes = _losses_and_slopes(game, weights, images, latents, variables[player], player)
        at_start = true if at_start is None else at_start
        came = np.concatenate([np.zeros(np.size(each)) if slope is None else np.ravel(slope)
                               for slope, each in zip(came, variables[player])])
        yield _REACHED[player], bool(np.any(came))
        for name, fact in mistaken.items():
            yield fact, np.allclose(came, slopes["right"], 1e-3, 1e-6) or not _fits(name, came, slopes)
    yield _EARLY, not np.allclose(losses[1], at_start[1], 1e-4)
    yield _LATE, not np.allclose(losses, _losses_and_slopes(game, at_end, images, latents)[0], 1e-4)


def _step_and_facts(function, generator, discriminator, generator_optimizer, discriminator_optimizer, images, latents):
    """Return facts about a step and its losses, or, without a diary, losses and weights after two steps in a graph."""
    game, optimizers = (generator, discriminator), (generator_optimizer, discriminator_optimizer)
    batch = tf.constant(images), tf.constant(latents)
    if isinstance(generator_optimizer, _NotingSGD):
        diary, seen = generator_optimizer.diary, {_PAIR: True}
        diary.open, diary.start = True, {player: diary.values(player) for player in "dg"}
        tf.config.run_functions_eagerly(True)  # a step may come in a graph of its own
        try:
            losses = function(*game, *optimizers, *batch)
        finally:
            tf.config.run_functions_eagerly(False)
            diary.open = False
        if np.shape(losses) != (2,):
            return {_PAIR: False}
        for fact, holds in _facts_of_a_step(diary, game, images, latents, losses):
            seen[fact] = holds
            if not holds:
                return seen
        return {**seen, _LOSSES: losses}

    before = [network.get_weights() for network in game]
    step = tf.function(lambda *batch: function(*game, *optimizers, *batch), autograph=False, input_signature=[
        tf.TensorSpec([None, each.shape[1]]) for each in batch])
    try:
        losses = [step(*batch), step(*batch)]
    except Exception:
        function(*game, *optimizers, *batch)  # an error that is not the graph's is raised again here, and shown
        return {_IN_GRAPH: False}
    moved = [np.concatenate([np.ravel(new - old) for new, old in zip(network.get_weights(), weights, strict=True)])
             for network, weights in zip(game, before)]
    return {_IN_GRAPH: True, _LOSSES: np.array(losses), _CHANGES: tuple(moved)}


def find_the_faults():
    """Return the three wrong line numbers, from top to bottom."""
    return 5, 6, 8


_TWICE_NAMED = Fact("are they three different lines?", "a line is named twice. Three different ones are wrong.")
_OF_A_NETWORK = Fact("do they call networks?", "one of these lines, or more, calls no network, and only lines that "
                     "call one are counted. Which four do?")
_PREDICT = {line: Fact(f"which line stands in the place of {line}?", f"line 4 only draws fakes, and `predict` may do "
                       f"that. The other two are right. For the third, {clue}") for line, clue in (
    (5, "look at what the discriminator is *trained* on."),
    (6, "ask in which line a plain number comes out of a network, through which no gradient can pass."),
    (8, "find the line that *trains* the generator."))}
_DOWNWARDS = Fact("do they stand from top to bottom?", "these are the lines. Name them from top to bottom.")


def _which_are_right(function):
    """Return facts instead of the line numbers: a wrong answer must not be answered with the right one."""
    found = function()
    found = sorted(found) if isinstance(found, set | frozenset) else np.asarray(tuple(found)).tolist()
    if len(found) != 3:
        raise Unusable(f"three line numbers are wanted, such as (1, 2, 3), but {len(found)} came back.")
    return {_TWICE_NAMED: len(set(found)) == 3, _OF_A_NETWORK: set(found) <= {4, 5, 6, 8},
            **{fact: line in found for line, fact in _PREDICT.items()}, _DOWNWARDS: found == sorted(found),
            "counted from 1": sorted(found) not in ([4, 5, 7], [6, 7, 9]) or min(found)}


_of_both, _of_fakes, _of_step, _of_best = map(
    edits_of, (discriminator_loss, generator_loss, gan_train_step, optimal_discriminator))
_REAL, _FAKE = "discriminator(images, training=True)", "discriminator(fakes, training=True)"
_FRESH = "discriminator(generator(latents, training=True), training=True)"

EXERCISES = (
    Exercise(identifier="8.1", reference=discriminator_loss, cases=_both_logits, observe=_loss_and_gradients, mistakes=(
        Mistake("the logits are taken for probabilities. A cross-entropy of Keras needs `from_logits=True`.",
                lambda real, fake: -ops.mean(ops.log(ops.clip(real, 1e-7, 1 - 1e-7)))
                - ops.mean(ops.log(1 - ops.clip(fake, 1e-7, 1 - 1e-7)))),
        Mistake("the logits are taken for probabilities, and the logarithm of a negative number is none.",
                lambda real, fake: -ops.mean(ops.log(real)) - ops.mean(ops.log(1 - fake))),
        Mistake("the sigmoid is taken twice: a probability stands where a logit belongs.",
                lambda real, fake: discriminator_loss(ops.sigmoid(real), ops.sigmoid(fake))),
        Mistake("the labels are swapped: the loss is small when fakes are taken for real. Which sign must a real "
                "image's logit have for a small loss?", lambda real, fake: discriminator_loss(fake, real)),
        Mistake("the labels are swapped, and both halves are averaged instead of added.",
                lambda real, fake: 0.5 * discriminator_loss(fake, real)),
        Mistake("only the real images count. A discriminator that never sees a fake says \"real\" to everything.",
                _of_both("+ loss_of_fakes", "")),
        Mistake("only the fakes count. What should happen to the logits of real images?",
                _of_both("loss_of_real +", "")),
        Mistake("fakes are labelled \"real\" as well: that is the generator's wish, not the discriminator's.",
                _of_both("softplus(fake_logits)", "softplus(-fake_logits)")),
        Mistake("real images are labelled \"generated\" as well.", _of_both("softplus(-real", "softplus(real")),
        Mistake("fakes are asked to be \"real\" and \"generated\" at once.",
                lambda real, fake: discriminator_loss(real, fake) + generator_loss(fake)),
        Mistake("both halves are multiplied. The game adds them.", _of_both("loss_of_real +", "loss_of_real *")),
        Mistake("both halves came back. The game adds them to one number.",
                _of_both("loss_of_real +", "loss_of_real,")),
        Mistake("the label of real images is 0.9, which is called label smoothing. The cross-entropy of the classes 1 "
                "and 0 is asked for.", lambda real, fake: discriminator_loss(real, fake) + 0.1 * ops.mean(real)),
        Mistake("the logits are averaged first, and the average is judged. Each image has a loss: average those.",
                lambda real, fake: discriminator_loss(ops.mean(real, keepdims=True), ops.mean(fake, keepdims=True))),
        Mistake("this is the loss of the worst image in each batch. The average is wanted.",
                lambda real, fake: ops.max(ops.softplus(-real)) + ops.max(ops.softplus(fake))),
        Mistake("probabilities of a mistake are averaged. A cross-entropy takes their logarithm.",
                lambda real, fake: ops.mean(ops.sigmoid(-real)) + ops.mean(ops.sigmoid(fake))),
        Mistake("exp of the logits is averaged. A softplus is the logarithm of 1 + that.",
                lambda real, fake: ops.mean(ops.exp(-real)) + ops.mean(ops.exp(fake))),
        Mistake("wrongly judged images are counted, which gives no gradient. The cross-entropy says how wrong they "
                "are.",
                lambda real, fake: ops.mean(ops.cast(real < 0, "float32")) + ops.mean(ops.cast(fake > 0, "float32"))),
        Mistake("this is the hinge loss. The cross-entropy is asked for: a softplus, and no corner.",
                lambda real, fake: ops.mean(ops.relu(1 - real)) + ops.mean(ops.relu(1 + fake))),
        Mistake("these are squared errors of the logits. The cross-entropy is asked for.",
                lambda real, fake: ops.mean(ops.square(real - 1)) + ops.mean(ops.square(fake))),
        Mistake("these are squared errors of the probabilities. The cross-entropy is asked for.",
                lambda real, fake: ops.mean(ops.sigmoid(-real) ** 2) + ops.mean(ops.sigmoid(fake) ** 2)),
        Mistake("this is the loss of a Wasserstein critic (lesson 9), a difference of averages. The cross-entropy is "
                "asked for.", lambda real, fake: ops.mean(fake) - ops.mean(real)),
    ), hints=(
        "Two cross-entropies: one asks for \"real\" on real images, one for \"generated\" on fakes.",
        "The formulas above the cell: -log sigmoid(l) = softplus(-l), and -log(1 - sigmoid(l)) = softplus(l).",
        "`ops.mean(ops.softplus(...))` once for each batch, then add. Which of the two logits gets a minus sign?",
    )),
    Exercise(identifier="8.2", reference=generator_loss, cases=_fake_logits, observe=_loss_and_gradients, mistakes=(
        Mistake("the logits are taken for probabilities. A cross-entropy of Keras needs `from_logits=True`.",
                lambda fake: -ops.mean(ops.log(ops.clip(fake, 1e-7, 1 - 1e-7)))),
        Mistake("the logits are taken for probabilities, and the logarithm of a negative number is none.",
                lambda fake: -ops.mean(ops.log(fake))),
        Mistake("the sigmoid is taken twice: a probability stands where a logit belongs.",
                lambda fake: generator_loss(ops.sigmoid(fake))),
        Mistake("this is log(1 - D), the saturating loss of the game's formula. Its gradient dies when D is sure of "
                "the fake; the other one was asked for.", saturating_generator_loss),
        Mistake("this is log(1 - D), the saturating loss, and summed. The other one was asked for, averaged.",
                lambda fake: -ops.sum(ops.softplus(fake))),
        Mistake("this is minus the mean logit, the loss of a Wasserstein critic (lesson 9), not -log D.",
                _of_fakes("ops.softplus", "")),
        Mistake("the probabilities are averaged before the logarithm. Each image has a loss: average those.",
                lambda fake: -ops.log(ops.mean(ops.sigmoid(fake)))),
        Mistake("this is the loss of the worst image. The average is wanted.", _of_fakes("mean", "max")),
        Mistake("this is minus D, averaged. The logarithm of D is wanted.", lambda fake: -ops.mean(ops.sigmoid(fake))),
        Mistake("this is 1 - D, averaged. Minus the logarithm of D is wanted.",
                lambda fake: ops.mean(ops.sigmoid(-fake))),
        Mistake("exp of the logits is averaged. A softplus is the logarithm of 1 + that.",
                lambda fake: ops.mean(ops.exp(-fake))),
        Mistake("the fakes that are found out are counted, which gives no gradient. -log D says how clearly they are.",
                lambda fake: ops.mean(ops.cast(fake < 0, "float32"))),
        Mistake("the discriminator's loss for fakes is added. The generator has -log D alone.",
                lambda fake: ops.mean(ops.softplus(-fake)) + ops.mean(ops.softplus(fake))),
        Mistake("the label is 0.9, which is called label smoothing. -log D asks for 1.",
                lambda fake: generator_loss(fake) + 0.1 * ops.mean(fake)),
        Mistake("this is a hinge on the logits, whose slope is 0 or 1. -log D is asked for.",
                lambda fake: ops.mean(ops.relu(1 - fake))),
        Mistake("a relu stands where a softplus belongs: it has no slope once a logit is positive.",
                _of_fakes("softplus", "relu")),
        Mistake("these are squared distances of the logits from 1. -log D is asked for.",
                lambda fake: ops.mean(ops.square(fake - 1))),
        Mistake("these are squared errors of the probabilities. -log D is asked for.",
                lambda fake: ops.mean(ops.sigmoid(-fake) ** 2)),
    ), hints=(
        "The generator asks for the label \"real\" on its own images.",
        "-log sigmoid(l) is a softplus of what?",
        "One average over the batch of one softplus; mind the sign of its argument.",
    )),
    Exercise(identifier="8.3", reference=gan_train_step, cases=_games, observe=_step_and_facts, tolerance=1e-3,
             mistakes=(
        Mistake("a sigmoid stands before the losses. Both take the logits as they come.",
                _of_step(f"{_REAL}, {_FAKE}", f"ops.sigmoid({_REAL}), ops.sigmoid({_FAKE})", _FRESH,
                         f"ops.sigmoid({_FRESH})")),
        Mistake("the weights move as they should, but the losses come back in the wrong order.",
                lambda *arguments: gan_train_step(*arguments)[::-1]),
    ), hints=(
        "Four lines for each player: a tape, the loss under it, `tape.gradient(loss, variables)`, and "
        "`optimizer.apply(gradients, variables)`.",
        "Discriminator: its loss needs the logits of `images` and of `generator(latents)`. Generator: its loss needs "
        "only the logits of `generator(latents)`, made afresh under its own tape.",
        "Whose `trainable_variables` you name in `tape.gradient` decides who moves. Return both losses as a pair.",
    )),
    Exercise(identifier="8.4", reference=optimal_discriminator, cases=_densities, mistakes=(
        Mistake("this is the ratio of the densities, which is no probability: it can exceed 1.",
                lambda real, fake: real / fake),
        Mistake("this is the ratio of the densities, upside down, and no probability: it can exceed 1.",
                lambda real, fake: fake / real),
        Mistake("this is the logit, the logarithm of the ratio. The probability is the sigmoid of it.",
                lambda real, fake: np.log(real) - np.log(fake)),
        Mistake("this is the sigmoid of the ratio. It is the logarithm of the ratio that has a sigmoid.",
                lambda real, fake: 1 / (1 + np.exp(-real / fake))),
        Mistake("this is the difference of the densities. Solving for D gives a quotient.",
                lambda real, fake: real - fake),
        Mistake("this is the difference of the densities over their sum, which can be negative. Solve for D again.",
                lambda real, fake: (real - fake) / (real + fake)),
        Mistake("`p / p + q` divides first. The sum needs parentheses.", lambda real, fake: real / real + fake),
        Mistake("this is a decision, 0 or 1. How sure can it be at each point?",
                lambda real, fake: (real > fake).astype(float)),
        Mistake("this is the probability of the likelier of both. That of \"real\" is wanted.",
                lambda real, fake: np.maximum(real, fake) / (real + fake)),
        Mistake("the densities are squared first. They count as they are.",
                lambda real, fake: real**2 / (real**2 + fake**2)),
        Mistake("roots of the densities are compared. They count as they are.",
                lambda real, fake: np.sqrt(real) / (np.sqrt(real) + np.sqrt(fake))),
        Mistake("logarithms of the densities are compared. The densities count as they are.",
                lambda real, fake: np.log(real) / (np.log(real) + np.log(fake))),
        Mistake("exponentials of the densities are compared, a softmax. The densities count as they are.",
                lambda real, fake: np.exp(real) / (np.exp(real) + np.exp(fake))),
        Mistake("the product of the densities stands on top. What share of what is met at a point is real?",
                lambda real, fake: real * fake / (real + fake)),
        Mistake("each density is divided by its largest value first. They count as they are.",
                lambda real, fake: real / np.max(real) / (real / np.max(real) + fake / np.max(fake))),
        Mistake("this is the derivative at D = ½. Set it to zero, and solve for D.",
                lambda real, fake: 2 * real - 2 * fake),
        Mistake("the probability is cut off below or above. Where only real images are met, D is 1.",
                lambda real, fake: np.clip(real / (real + fake), 0.01, 0.99)),
        Mistake("the probability is rounded to two digits.", lambda real, fake: np.round(real / (real + fake), 2)),
    ), hints=(
        "Multiply the equation above by D (1 - D), and collect what stands beside D.",
        "Of all that the discriminator meets at one point, what share is real?",
    )),
    Exercise(identifier="8.5", reference=find_the_faults, cases=lambda: [()], observe=_which_are_right, mistakes=(
        Mistake("each of these is one too small: count the lines from 1, as they are numbered.", lambda: (4, 5, 7)),
        Mistake("each of these is one too large: take the numbers that stand before the lines.", lambda: (6, 7, 9)),
    ), hints=(
        "Compare the loop, line by line, with your `gan_train_step`: what does each player learn from?",
        "Two lines train. One of them calls fakes real; the other asks its network to paint a constant. Where does "
        "that constant come from?",
    )),
)
