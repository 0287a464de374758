"""What lesson 2 measures of a network: sizes through layers, gradients under test, and what became of a start."""

import numpy as np

from utils.scratch import dense_backward, dense_forward, relu_backward, relu_forward


def sizes_through_layers(initialise_layer, scales, depth=20, width=256):
    """Return two dictionaries, name → standard deviations in each layer: of the sums, and of their gradients.

    A random signal goes through layers without biases, and a random gradient back. `initialise_layer` draws weights
    from fan_in, fan_out and a generator; `scales` is name → factor by which they are multiplied.
    """
    forward_sizes, backward_sizes = {}, {}
    for name, scale in scales.items():
        random, zeros = np.random.default_rng(0), np.zeros(width)
        matrices = [scale * initialise_layer(width, width, random) for _ in range(depth)]
        outputs, gradient = [random.normal(size=(500, width))], random.normal(size=(500, width))
        forward_sizes[name], backward_sizes[name] = [], []
        for matrix in matrices:
            sums = dense_forward(outputs[-1], matrix, zeros)
            forward_sizes[name].append(sums.std())
            outputs.append(relu_forward(sums))
        for matrix, inputs, layer_outputs in zip(matrices[::-1], outputs[-2::-1], outputs[:0:-1]):
            gradient = relu_backward(gradient, layer_outputs)
            backward_sizes[name].insert(0, gradient.std())
            gradient, _, _ = dense_backward(gradient, inputs, matrix)
    return forward_sizes, backward_sizes


def examine(check, loss_of, parameters, gradients):
    """Print the relative error of every gradient of a network [(weights, bias), …], and return the largest.

    `check` is a function like `gradient_check`, and `loss_of` one of parameters that returns a number.
    """
    worst = 0.0
    for layer, pair in enumerate(parameters):
        for part, name in enumerate(("weights", "bias")):
            def loss_with(array, layer=layer, part=part):
                changed = [list(each) for each in parameters]
                changed[layer][part] = array
                return loss_of(changed)

            error = check(loss_with, pair[part], gradients[layer][part])
            print(f"layer {layer + 1}, {name:8} relative error {error:.0e}")
            worst = max(worst, error)
    return worst


def report_starts(started, forward, images, labels):
    """Print what became of networks, name → (parameters, losses), and return the accuracy of each in percent."""
    scores = {}
    for name, (parameters, losses) in started.items():
        activations = forward(parameters, images)
        scores[name] = 100 * np.mean(activations[-1].argmax(axis=1) == labels)
        apart = np.ptp(parameters[0][0], axis=1).max()
        asleep = 100 * np.mean(activations[2].max(axis=0) == 0)
        print(f"{name:20} first loss {losses[0]:6.2f} nats, test accuracy {scores[name]:5.2f}%,\n{'':20} neurons of "
              f"layer 1 differ by up to {apart:.1g}, {asleep:.0f}% of layer 2 asleep")
    return scores
