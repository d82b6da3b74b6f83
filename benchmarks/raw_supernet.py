"""The supernet in raw operations, without a Keras layer: a lower bound of its time, and the masked alternative.

`SlicedOps` slices the largest kernels as the elastic layers do. `MaskedOps` computes every network at full width,
depth and kernel size and multiplies what is not chosen by zero, as masking supernets do. Both read the weights of a
built `Supernet`, so that all three can be compared on the same numbers.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from splitnets_tf.layers import activate
from splitnets_tf.space import SearchSpace, StageRow, squeeze_width
from splitnets_tf.supernet import resize_batch

__all__ = ["MaskedOps", "RawSupernet", "SlicedOps"]

_EPSILON = 1e-3


class SlicedOps:
    """Tensors have the chosen width; what an architecture does not use is not computed."""

    def conv(self, x, kernel, channels, out, strides: int = 1):
        """Convolution from `channels` to `out`."""
        return tf.nn.conv2d(x, kernel[:, :, :channels, :out], strides, "SAME")

    def depthwise(self, x, kernel, channels, size, strides: int):
        """Depthwise convolution with the centre of the kernel."""
        start = (kernel.shape[0] - size) // 2
        kernel = kernel[start : start + size, start : start + size, :channels, :]
        return tf.nn.depthwise_conv2d(x, kernel, [1, strides, strides, 1], "SAME")

    def normalise(self, x, gamma, beta, channels):
        """Batch normalisation by the batch's own statistics."""
        return _batch_norm(x, gamma[:channels], beta[:channels])

    def dense(self, x, kernel, bias, channels, out):
        """Dense step from `channels` to `out`."""
        x = tf.matmul(x, kernel[:channels, :out])
        return x if bias is None else x + bias[:out]

    def choose(self, condition, run: Callable[[], Any], x):
        """`run()` where the condition holds, else x."""
        return tf.cond(condition, run, lambda: x)

    def fit(self, x, width: int):
        """Tensors are as wide as chosen already."""
        return x


class MaskedOps:
    """Tensors have the largest width; channels that an architecture does not use are zero."""

    def conv(self, x, kernel, channels, out, strides: int = 1):
        """Full convolution; the normalisation behind it masks."""
        return _masked(tf.nn.conv2d(x, kernel, strides, "SAME"), out)

    def depthwise(self, x, kernel, channels, size, strides: int):
        """Full kernel with a zero border."""
        centre = tf.abs(tf.range(kernel.shape[0]) - kernel.shape[0] // 2) <= size // 2
        mask = tf.cast(centre[:, None] & centre[None, :], kernel.dtype)[:, :, None, None]
        return tf.nn.depthwise_conv2d(x, kernel * mask, [1, strides, strides, 1], "SAME")

    def normalise(self, x, gamma, beta, channels):
        """Full batch normalisation, whose offsets are masked."""
        return _masked(_batch_norm(x, gamma, beta), channels)

    def dense(self, x, kernel, bias, channels, out):
        """Full dense step, masked."""
        x = tf.matmul(x, kernel)
        return _masked(x if bias is None else x + bias, out)

    def choose(self, condition, run: Callable[[], Any], x):
        """Both are computed."""
        return tf.where(condition, run(), x)

    def fit(self, x, width: int):
        """Cut or pad with zero channels to a layer's largest width."""
        channels = x.shape[-1]
        return x[..., :width] if channels >= width else tf.pad(x, [[0, 0]] * 3 + [[0, width - channels]])


def _batch_norm(x, gamma, beta):
    return tf.raw_ops.FusedBatchNormV3(
        x=x, scale=gamma, offset=beta, mean=[], variance=[], epsilon=_EPSILON, is_training=True
    ).y


def _masked(x, channels):
    return x * tf.cast(tf.range(x.shape[-1]) < channels, x.dtype)


class RawSupernet:
    """Forward pass and sandwich step over copies of a supernet's weights.

    Args:
        supernet: A built `Supernet` without dropping.
        ops: `SlicedOps()` or `MaskedOps()`.
        learning_rate: Of the plain SGD with Nesterov momentum.
    """

    def __init__(self, supernet: Any, ops: SlicedOps | MaskedOps, learning_rate: float) -> None:
        self.space: SearchSpace = supernet.space
        self.num_classes = supernet.num_classes
        self.label_smoothing = supernet.label_smoothing
        self._ops = ops
        self._learning_rate = learning_rate
        self._variables = {v.path.partition("/")[2]: tf.Variable(v.value) for v in supernet.trainable_variables}
        self._momenta = {path: tf.Variable(tf.zeros_like(v)) for path, v in self._variables.items()}
        self._gene_index = {gene.name: index for index, gene in enumerate(self.space.genes)}
        self._depths = [row.depths[-1] for row in self.space.stages]

    def logits(self, images, vector):
        """Logits `[batch, classes]` of one architecture in training mode."""
        self._weights = {path: tf.convert_to_tensor(variable) for path, variable in self._variables.items()}
        gene = {name: vector[index] for name, index in self._gene_index.items()}
        x = resize_batch(images, gene["resolution"])
        channels = gene["stem_width"]
        x = self._conv_bn(x, "stem", 3, channels, self.space.activation, strides=2)
        phase, position = 0, tf.constant(0)
        x = self._boundary(x, channels, vector, phase, position)
        for row in self.space.stages:
            width, depth = gene[f"{row.name}.width"], gene[f"{row.name}.depth"]
            if row.stride == 2:
                phase, position = phase + 1, tf.constant(-1)
            for index in range(row.depths[-1]):
                place = (vector, phase, position + index + 1)
                x = self._maybe_block(x, channels, row, index, gene, depth, place)
                channels = width
            position += depth
        return self._head(x, channels, gene["head_width"])

    def _maybe_block(self, x, channels, row: StageRow, index: int, gene, depth, place):
        def run():
            y = self._block(x, channels, row, index, gene)
            return self._boundary(y, gene[f"{row.name}.width"], *place)

        return run() if index < row.depths[0] else self._ops.choose(index < depth, run, x)

    def _conv_bn(self, x, name: str, channels, out, activation: str | None, strides: int = 1):
        x = self._ops.conv(x, self._weights[f"{name}/conv/kernel"], channels, out, strides)
        return activate(self._normalise(x, f"{name}/bn", out), activation)

    def _normalise(self, x, name: str, channels):
        return self._ops.normalise(x, self._weights[f"{name}/gamma"], self._weights[f"{name}/beta"], channels)

    def _block(self, inputs, channels, row: StageRow, index: int, gene):
        name, width = f"{row.name}_{index}", gene[f"{row.name}.width"]
        strides = row.stride if index == 0 else 1
        hidden = channels * gene[f"{row.name}.expansion"]
        x = inputs
        if row.expansions != (1,):
            x = self._conv_bn(x, f"{name}/expand", channels, hidden, self.space.activation)
        kernel = self._weights[f"{name}/depthwise/kernel"]
        x = self._ops.depthwise(x, kernel, hidden, gene[f"{row.name}.kernel"], strides)
        x = activate(self._normalise(x, f"{name}/depthwise_bn", hidden), self.space.activation)
        if row.squeeze_excite:
            base = hidden if self.space.squeeze_base == "hidden" else channels
            x = self._squeeze(x, f"{name}/squeeze", hidden, squeeze_width(base, larger=tf.maximum))
        x = self._conv_bn(x, f"{name}/project", hidden, width, None)
        if index > 0:
            return inputs + x
        return self._shortcut(inputs, name, channels, width, strides, row) + x if row.project_shortcut else x

    def _squeeze(self, x, name: str, channels, narrow):
        weights = [self._weights[f"{name}/{part}"] for part in ("reduce_kernel", "reduce_bias")]
        y = self._ops.dense(tf.reduce_mean(x, axis=[1, 2]), *weights, channels, narrow)
        weights = [self._weights[f"{name}/{part}"] for part in ("expand_kernel", "expand_bias")]
        y = self._ops.dense(activate(y, self.space.squeeze_activation), *weights, narrow, channels)
        return x * activate(y, self.space.squeeze_gate)[:, None, None, :]

    def _shortcut(self, x, name: str, channels, width, strides: int, row: StageRow):
        if strides == 2:
            x = tf.nn.avg_pool2d(x, 2, 2, "SAME")
        kernel = self._weights[f"{name}/shortcut/kernel"]
        plain = self._ops.fit(x, row.widths[-1])
        return self._ops.choose(
            tf.not_equal(channels, width), lambda: self._ops.conv(x, kernel, channels, width), plain
        )

    def _boundary(self, x, channels, vector, phase: int, position):
        if phase >= len(self.space.phases):
            return x
        start = len(self.space.genes) + 2 * phase
        split = vector[start + 1]

        def run():
            y = self._ops.fit(x, self.space.phases[phase].widths[-1])
            y = self._conv_bn(y, f"split_{phase}/reduce", channels, split, None)
            y = self._conv_bn(y, f"split_{phase}/recover", split, channels, None)
            return self._ops.fit(y, x.shape[-1])

        return self._ops.choose(tf.equal(vector[start], position), run, x)

    def _head(self, x, channels, width):
        if self.space.head_expansion:
            expanded = channels * self.space.head_expansion
            x = self._conv_bn(x, "head_expand", channels, expanded, self.space.activation)
            x = self._ops.dense(tf.reduce_mean(x, axis=[1, 2]), self._weights["head/kernel"], None, expanded, width)
            x = activate(x, self.space.activation)
        else:
            x = tf.reduce_mean(self._conv_bn(x, "head", channels, width, self.space.activation), axis=[1, 2])
        kernel, bias = self._weights["classifier/kernel"], self._weights["classifier/bias"]
        return self._ops.dense(x, kernel, bias, width, self.num_classes)

    def train_step(self, images, vectors, labels):
        """One sandwich update; returns the networks' losses `[n]`."""
        variables = list(self._variables.values())
        targets = tf.one_hot(labels, self.num_classes)
        targets = targets * (1.0 - self.label_smoothing) + self.label_smoothing / self.num_classes

        def body(index, gradients, soft, losses):
            goal = tf.where(index == 0, targets, soft)
            with tf.GradientTape() as tape:
                logits = self.logits(images, vectors[index])
                loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(goal, logits))
            step = tape.gradient(loss, variables, unconnected_gradients="zero")
            gradients = [total + tf.convert_to_tensor(one) for total, one in zip(gradients, step, strict=True)]
            soft = tf.where(index == 0, tf.nn.softmax(logits), soft)
            return index + 1, gradients, soft, tf.tensor_scatter_nd_update(losses, [[index]], [loss])

        count = tf.shape(vectors)[0]
        start = (0, [tf.zeros_like(v) for v in variables], targets, tf.zeros([count]))
        # As in the supernet: two iterations at once corrupt the heap.
        _, gradients, _, losses = tf.while_loop(lambda i, *_: i < count, body, start, parallel_iterations=1)
        for variable, momentum, gradient in zip(variables, self._momenta.values(), gradients, strict=True):
            change = -self._learning_rate * tf.clip_by_value(gradient, -1.0, 1.0)
            momentum.assign(0.9 * momentum + change)
            variable.assign_add(0.9 * momentum + change)
        return losses
