"""The single-view supernet: one Keras model that contains every network of a search space.

Source: SplitNets, section 3.1.1; sandwich rule and in-place distillation after BigNAS and AttentiveNAS.
"""

import functools

import keras
import tensorflow as tf

from splitnets_tf.layers import ElasticConvBlock, ElasticDense, ElasticMBConv, SplittingModule
from splitnets_tf.space import SearchSpace, space_from_dict, space_to_dict
from splitnets_tf.supernet.images import resize_batch

__all__ = ["Supernet"]


@keras.saving.register_keras_serializable(package="splitnets_tf")
class Supernet(keras.Model):
    """Every architecture of a space with shared weights; the architecture is an argument of each call.

    On-sensor and on-aggregator blocks at the same depth share their weights (SplitNets, section 3.1.1). `fit` runs
    sandwich training: for each batch the networks of `vectors` are trained one after the other and their gradients
    summed into one update. The first must be the largest; it learns from the labels and its probabilities teach the
    others (in-place distillation).

    Args:
        space: The search space, or its plain form (`space_to_dict`).
        num_classes: Number of logits.
        label_smoothing: Smoothing of the labels that the first network learns from.
        distill: Whether the other networks learn from the first one's probabilities instead of the labels.
        zero_init_residual: Whether the last normalisation of a residual block starts at zero.

    Call arguments:
        inputs: Pair of images `[batch, s, s, 3]` (float in [0, 1] or uint8) and one value vector
            `[space.vector_length]` (int32, from `space.encode`).
        training: Whether to normalise by the batch's own statistics.
        calibration_weight: See `ElasticBatchNormalization`.

    Returns:
        Logits `[batch, num_classes]`.
    """

    def __init__(
        self,
        space: SearchSpace | dict,
        num_classes: int,
        label_smoothing: float = 0.1,
        distill: bool = True,
        zero_init_residual: bool = False,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.space = space if isinstance(space, SearchSpace) else space_from_dict(space)
        self.num_classes = num_classes
        self.label_smoothing = label_smoothing
        self.distill = distill
        self.zero_init_residual = zero_init_residual
        self._create_layers()
        self._gene_index = {gene.name: index for index, gene in enumerate(self.space.genes)}
        self._metrics = {
            name: keras.metrics.Mean(name=name)
            for name in ("loss", "accuracy_largest", "accuracy_smallest", "accuracy_random")
        }

    def _create_layers(self) -> None:
        space = self.space
        self.stem = ElasticConvBlock(3, space.stem_widths[-1], 3, 2, space.activation, name="stem")
        # One flat list: Keras saves the layers of a list, but not those of a list of lists.
        self.blocks = []
        channels = space.stem_widths[-1]
        for row in space.stages:
            for index in range(row.depths[-1]):
                block = ElasticMBConv(
                    max_in_channels=channels,
                    max_out_channels=row.widths[-1],
                    max_kernel_size=row.kernels[-1],
                    max_expansion=row.expansions[-1],
                    strides=row.stride if index == 0 else 1,
                    residual=index > 0,
                    activation=space.activation,
                    name=f"{row.name}_{index}",
                )
                if self.zero_init_residual and index > 0:
                    block.project.bn.gamma_initializer = keras.initializers.Zeros()
                self.blocks.append(block)
                channels = row.widths[-1]
        self.splitting = [
            SplittingModule(phase.widths[-1], space.split_widths[-1], space.split_kernel, name=f"split_{phase.index}")
            for phase in space.phases
        ]
        self.head = ElasticConvBlock(channels, space.head_widths[-1], activation=space.activation, name="head")
        self.classifier = ElasticDense(space.head_widths[-1], self.num_classes, name="classifier")

    def build(self, input_shape=None) -> None:
        """Create every weight at its largest size; the input shape does not matter."""
        for layer in self._every_layer():
            if not layer.built:
                layer.build()
        self.built = True

    def _every_layer(self) -> list[keras.layers.Layer]:
        return [self.stem, *self.blocks, *self.splitting, self.head, self.classifier]

    def call(self, inputs, training=False, calibration_weight=None):
        """Run one architecture."""
        images, vector = inputs
        mode = {"training": training, "calibration_weight": calibration_weight}
        x = resize_batch(images, self._gene(vector, "resolution"))
        x = self.stem(x, out_channels=self._gene(vector, "stem_width"), **mode)
        phase, position = 0, tf.constant(0)
        x = self._boundary(x, vector, phase, position, mode)
        first = 0
        for row in self.space.stages:
            blocks = self.blocks[first : first + row.depths[-1]]
            first += len(blocks)
            depth = self._gene(vector, f"{row.name}.depth")
            if row.stride == 2:
                phase, position = phase + 1, tf.constant(-1)
            for index, block in enumerate(blocks):
                run = functools.partial(self._block, x, vector, row.name, block, phase, position + index + 1, mode)
                x = run() if index < row.depths[0] else tf.cond(index < depth, run, functools.partial(tf.identity, x))
            position += depth
        x = self.head(x, out_channels=self._gene(vector, "head_width"), **mode)
        logits = self.classifier(tf.reduce_mean(x, axis=[1, 2]))
        return tf.ensure_shape(logits, [None, self.num_classes])

    def _gene(self, vector, name: str):
        return vector[self._gene_index[name]]

    def _block(self, x, vector, row: str, block, phase: int, position, mode):
        x = block(
            x,
            out_channels=self._gene(vector, f"{row}.width"),
            kernel_size=self._gene(vector, f"{row}.kernel"),
            expansion=self._gene(vector, f"{row}.expansion"),
            **mode,
        )
        return self._boundary(x, vector, phase, position, mode)

    def _boundary(self, x, vector, phase: int, position, mode):
        """The splitting module of a phase, active where M equals the number of blocks already run."""
        if phase >= len(self.splitting):
            return x
        start = len(self.space.genes) + 2 * phase
        gate = tf.equal(vector[start], position)
        return self.splitting[phase](x, gate=gate, split_channels=vector[start + 1], **mode)

    def train_step(self, data):
        """One sandwich update on `((images, vectors [n, length]), labels)`."""
        (images, vectors), labels = data
        variables = [variable.value for variable in self.trainable_variables]
        gradients, losses, accuracies = self._sandwich(images, vectors, labels, variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        self._metrics["loss"].update_state(losses[0])
        self._metrics["accuracy_largest"].update_state(accuracies[0])
        self._metrics["accuracy_smallest"].update_state(accuracies[-1])
        self._metrics["accuracy_random"].update_state(accuracies[1:-1])
        return {name: metric.result() for name, metric in self._metrics.items()}

    def _sandwich(self, images, vectors, labels, variables):
        """Sum of the networks' gradients, and each one's loss and accuracy.

        The tape lies inside the loop's body, so that the loop itself is never differentiated and one network's
        activations are freed before the next one runs.
        """
        count = tf.shape(vectors)[0]
        targets = tf.one_hot(labels, self.num_classes)
        targets = targets * (1.0 - self.label_smoothing) + self.label_smoothing / self.num_classes

        def body(index, gradients, soft, losses, accuracies):
            goal = tf.where(tf.logical_or(index == 0, not self.distill), targets, soft)
            with tf.GradientTape() as tape:
                logits = self((images, vectors[index]), training=True)
                loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(goal, logits))
            step = tape.gradient(loss, variables, unconnected_gradients="zero")
            gradients = [total + tf.convert_to_tensor(one) for total, one in zip(gradients, step, strict=True)]
            soft = tf.where(index == 0, tf.nn.softmax(logits), soft)
            hits = tf.equal(tf.argmax(logits, -1, output_type=labels.dtype), labels)
            accuracy = tf.reduce_mean(tf.cast(hits, tf.float32))
            losses = tf.tensor_scatter_nd_update(losses, [[index]], [loss])
            accuracies = tf.tensor_scatter_nd_update(accuracies, [[index]], [accuracy])
            return index + 1, gradients, soft, losses, accuracies

        start = (0, [tf.zeros_like(v) for v in variables], targets, tf.zeros([count]), tf.zeros([count]))
        # Two iterations at once run one oneDNN kernel on two shapes and corrupt the heap.
        _, gradients, _, losses, accuracies = tf.while_loop(
            lambda index, *_: index < count, body, start, parallel_iterations=1
        )
        return gradients, losses, accuracies

    @property
    def metrics(self):
        """Metrics that `fit` resets at the start of each epoch."""
        return list(self._metrics.values())

    def get_config(self) -> dict:
        """Arguments of the constructor."""
        return {
            **super().get_config(),
            "space": space_to_dict(self.space),
            "num_classes": self.num_classes,
            "label_smoothing": self.label_smoothing,
            "distill": self.distill,
            "zero_init_residual": self.zero_init_residual,
        }
