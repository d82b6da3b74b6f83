"""The supernet: one Keras model that contains every network of a search space, of one view or several.

Source: SplitNets, sections 3.1.1 and 3.1.2; sandwich rule and in-place distillation after BigNAS and AttentiveNAS.
"""

import contextlib
import functools
from collections.abc import Iterator

import keras
import tensorflow as tf

from splitnets_tf.layers import (
    ConvInitializer,
    Drop,
    ElasticConvBlock,
    ElasticDense,
    SplittingModule,
    activate,
    dropout,
    fold_views,
)
from splitnets_tf.space import SearchSpace, StageRow, space_from_dict, space_to_dict, squeeze_width
from splitnets_tf.supernet.gradient_ratio import GRADIENT_RATIOS, gradient_ratios
from splitnets_tf.supernet.images import resize_batch
from splitnets_tf.supernet.replicas import mean_over_replicas
from splitnets_tf.supernet.trunk import create_blocks, create_stem, runs_on_sensor, sensor_stages

__all__ = ["STEP_VALUES", "Supernet"]

STEP_VALUES = (
    "loss",
    "loss_smallest",
    "loss_random",
    "accuracy_largest",
    "accuracy_smallest",
    "accuracy_random",
    *GRADIENT_RATIOS,
)
"""What a training step reports; `loss` is the largest network's."""


@contextlib.contextmanager
def _layers_of_policy(policy: keras.DTypePolicy) -> Iterator[None]:
    """Layers that are created within, and the layers that those create, compute by this policy."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


@keras.saving.register_keras_serializable(package="splitnets_tf")
class Supernet(keras.Model):
    """Every architecture of a space with shared weights; the architecture is an argument of each call.

    On-sensor and on-aggregator blocks at the same depth share their weights (SplitNets, section 3.1.1) unless
    `separate_weights` gives each side its own. With several views each side always has its own (section 3.1.2): the
    views pass the sensor's part as further images of the batch, and the splitting module fuses them.

    In sandwich training (`train_supernet`, or `fit` on one device) the networks of `vectors` are trained one after the
    other on each batch and their gradients summed into one update. The first must be the largest; it learns from the
    labels and its probabilities teach the others (in-place distillation).

    Args:
        space: The search space, or its plain form (`space_to_dict`).
        num_classes: Number of logits.
        label_smoothing: Smoothing of the labels that the first network learns from.
        distill: Whether the other networks learn from the first one's probabilities instead of the labels.
        zero_init_residual: Whether the last normalisation of a block with a shortcut starts at zero.
        dropout: Probability with which a feature in front of the classifier is dropped, in the first network of a
            sandwich step only.
        drop_connect: The same for a residual branch; the k-th of n blocks has k / n of it.
        seed: Seed of what is dropped; the optimiser's step is mixed in, so that a resumed run drops the same.
        separate_weights: Whether stem and blocks in front of the (first) split have weights of their own, in
            `sensor_stem` and `sensor_blocks`; a network without a split uses the aggregator's.
        splitting_initializer: How the splitting modules' convolutions start, one of `layers.INITIALIZATIONS`.
        dtype: Keras's policy for every layer: `float32`, `mixed_bfloat16` for accelerators (weights, normalisation and
            logits stay float32), or `float64` for comparisons.

    Call arguments:
        inputs: Pair of images `[batch, s, s, 3]`, or of several views `[batch, views, s, s, 3]` (float in [0, 1] or
            uint8), and one value vector `[space.vector_length]` (int32, from `space.encode`).
        training: Whether to normalise by the batch's own statistics.
        calibration_weight: See `ElasticBatchNormalization`.
        drop_active: Scalar bool tensor, whether units and branches are dropped; None for never, as in evaluation.
        drop_seed: int32 `[2]`, needed where `drop_active` is given.

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
        dropout: float = 0.0,
        drop_connect: float = 0.0,
        seed: int = 0,
        separate_weights: bool = False,
        splitting_initializer: str = "split_aware",
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.space = space if isinstance(space, SearchSpace) else space_from_dict(space)
        self.num_classes = num_classes
        self.label_smoothing = label_smoothing
        self.distill = distill
        self.zero_init_residual = zero_init_residual
        self.dropout = dropout
        self.drop_connect = drop_connect
        self.seed = seed
        self.separate_weights = separate_weights or self.space.views > 1
        self.splitting_initializer = splitting_initializer
        with _layers_of_policy(self.dtype_policy):
            self._create_layers()
        self._gene_index = {gene.name: index for index, gene in enumerate(self.space.genes)}
        self._metrics = {name: keras.metrics.Mean(name=name) for name in STEP_VALUES}

    def _create_layers(self) -> None:
        space = self.space
        options = {"zero_init_residual": self.zero_init_residual, "drop_connect": self.drop_connect}
        self.stem = create_stem(space)
        self.blocks = create_blocks(space, **options)
        self.sensor_stem, self.sensor_blocks = None, []
        if self.separate_weights:
            # Several views are fused behind the stem at the earliest, so that theirs is always the sensor's.
            self.sensor_stem = create_stem(space, prefix="sensor_") if space.views == 1 else None
            self.sensor_blocks = create_blocks(space, stages=sensor_stages(space), prefix="sensor_", **options)
        channels = space.stages[-1].widths[-1]
        self.splitting = [
            SplittingModule(
                phase.widths[-1],
                space.split_widths[-1],
                space.split_kernel,
                ConvInitializer(self.splitting_initializer),
                views=space.views,
                view_fusion=space.view_fusion,
                name=f"split_{phase.index}",
            )
            for phase in space.phases
        ]
        if space.head_expansion:
            expanded = channels * space.head_expansion
            self.head_expand = ElasticConvBlock(channels, expanded, activation=space.activation, name="head_expand")
            self.head = ElasticDense(
                expanded, space.head_widths[-1], use_bias=False, kernel_initializer="he_normal", name="head"
            )
        else:
            self.head = ElasticConvBlock(channels, space.head_widths[-1], activation=space.activation, name="head")
        self.classifier = ElasticDense(space.head_widths[-1], self.num_classes, name="classifier")

    def build(self, input_shape=None) -> None:
        """Create every weight at its largest size; the input shape does not matter."""
        for layer in self._every_layer():
            if not layer.built:
                layer.build()
        self.built = True

    def _every_layer(self) -> list[keras.layers.Layer]:
        head = [self.head_expand, self.head] if self.space.head_expansion else [self.head]
        sensor = [*([self.sensor_stem] if self.sensor_stem else []), *self.sensor_blocks]
        return [self.stem, *self.blocks, *sensor, *self.splitting, *head, self.classifier]

    def call(self, inputs, training=False, calibration_weight=None, drop_active=None, drop_seed=None):
        """Run one architecture."""
        images, vector = inputs
        mode = {"training": training, "calibration_weight": calibration_weight}
        drop = None if drop_active is None else Drop(active=drop_active, seed=drop_seed)
        x = tf.cast(resize_batch(fold_views(images), self._gene(vector, "resolution")), self.compute_dtype)
        phase, position = 0, tf.constant(0)
        options = {"out_channels": self._gene(vector, "stem_width"), **mode}
        x = self._on_its_side(x, vector, (phase, position), (self.stem, self.sensor_stem), options)
        x = self._boundary(x, vector, phase, position, mode)
        first = 0
        for row in self.space.stages:
            numbers = range(first, first + row.depths[-1])
            first = numbers.stop
            depth = self._gene(vector, f"{row.name}.depth")
            if row.stride == 2:
                phase, position = phase + 1, tf.constant(-1)
            for index, number in enumerate(numbers):
                place = (phase, position + index + 1)
                run = functools.partial(self._block, x, vector, row, number, place, mode, drop)
                x = run() if index < row.depths[0] else tf.cond(index < depth, run, functools.partial(tf.identity, x))
            position += depth
        x = dropout(self._head(x, vector, mode), self.dropout, drop)
        logits = tf.cast(self.classifier(x), self.variable_dtype)
        return tf.ensure_shape(logits, [None, self.num_classes])

    def _head(self, x, vector, mode):
        """The features `[batch, head_width]` that the classifier reads."""
        width = self._gene(vector, "head_width")
        if not self.space.head_expansion:
            return tf.reduce_mean(self.head(x, out_channels=width, **mode), axis=[1, 2])
        x = self.head_expand(x, out_channels=tf.shape(x)[-1] * self.space.head_expansion, **mode)
        return activate(self.head(tf.reduce_mean(x, axis=[1, 2]), out_features=width), self.space.activation)

    def _gene(self, vector, name: str):
        return vector[self._gene_index[name]]

    def _on_its_side(self, x, vector, place, layers, options):
        """Run the layer in front of `place`, given as the aggregator's and the sensor's (None where they share one)."""
        shared, of_sensor = layers
        if of_sensor is None:
            return shared(x, **options)
        on_sensor = runs_on_sensor(self.space, vector, *place)
        return tf.cond(on_sensor, lambda: of_sensor(x, **options), lambda: shared(x, **options))

    def _block(self, x, vector, row: StageRow, number: int, place, mode, drop: Drop | None):
        block = self.blocks[number]
        of_sensor = self.sensor_blocks[number] if number < len(self.sensor_blocks) else None
        expansion = self._gene(vector, f"{row.name}.expansion")
        options = {
            "out_channels": self._gene(vector, f"{row.name}.width"),
            "kernel_size": self._gene(vector, f"{row.name}.kernel"),
            "expansion": expansion,
            **mode,
        }
        if row.squeeze_excite:
            channels = tf.shape(x)[-1]
            base = channels * expansion if self.space.squeeze_base == "hidden" else channels
            options["squeeze_channels"] = squeeze_width(base, larger=tf.maximum)
        if drop is not None and block.residual and block.drop_rate > 0:
            options |= {"drop_active": drop.active, "drop_seed": drop.fold(1 + number).seed}
        x = self._on_its_side(x, vector, place, (block, of_sensor), options)
        return self._boundary(x, vector, *place, mode)

    def _boundary(self, x, vector, phase: int, position, mode):
        """The splitting module of a phase, active where M equals the number of blocks already run."""
        if phase >= len(self.splitting):
            return x
        start = len(self.space.genes) + 2 * phase
        gate = tf.equal(vector[start], position)
        return self.splitting[phase](x, gate=gate, split_channels=vector[start + 1], **mode)

    def train_step(self, data):
        """One sandwich update for Keras's `fit`, which trains on one device."""
        for name, value in self.sandwich_step(data).items():
            self._metrics[name].update_state(value)
        return {name: metric.result() for name, metric in self._metrics.items()}

    def sandwich_step(self, data):
        """One sandwich update on `((images, vectors [n, length]), labels)`; returns the scalars of `STEP_VALUES`.

        Inside `strategy.run` each replica takes its own images and their own normalisation statistics, and the update
        is that of the mean gradients; the values are means too.
        """
        (images, vectors), labels = data
        variables = [variable.value for variable in self.trainable_variables]
        gradients, losses, accuracies = self._sandwich(images, vectors, labels, variables, self._step_seed())
        *gradients, losses, accuracies = mean_over_replicas([*gradients, losses, accuracies])
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        values = (losses[0], losses[-1], tf.reduce_mean(losses[1:-1]))
        values += (accuracies[0], accuracies[-1], tf.reduce_mean(accuracies[1:-1]))
        values += tuple(gradient_ratios(gradients, self._gradient_groups()).values())
        return dict(zip(STEP_VALUES, values, strict=True))

    def _gradient_groups(self) -> list[str]:
        """For each trainable variable: `reduce`, `recover` or `regular`."""
        groups = {}
        for layer in self.splitting:
            groups |= {id(variable): "reduce" for variable in layer.reduce.trainable_variables}
            groups |= {id(variable): "recover" for variable in layer.recover.trainable_variables}
        return [groups.get(id(variable), "regular") for variable in self.trainable_variables]

    def _step_seed(self):
        """Seed of what this step drops: a function of the model's seed, the optimiser's step and the replica."""
        if self.dropout == 0 and self.drop_connect == 0:
            return None
        step = tf.cast(tf.convert_to_tensor(self.optimizer.iterations), tf.int32)
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        return tf.random.fold_in(tf.stack([tf.constant(self.seed, tf.int32), step]), replica)

    def _sandwich(self, images, vectors, labels, variables, drop_seed=None):
        """Sum of the networks' gradients, and each one's loss and accuracy.

        With `drop_seed`, units and branches of the first network are dropped. The tape lies inside the loop's body, so
        that the loop itself is never differentiated and one network's activations are freed before the next one runs.
        """
        count = tf.shape(vectors)[0]
        targets = tf.one_hot(labels, self.num_classes)
        targets = targets * (1.0 - self.label_smoothing) + self.label_smoothing / self.num_classes

        def body(index, gradients, soft, losses, accuracies):
            goal = tf.where(tf.logical_or(index == 0, not self.distill), targets, soft)
            with tf.GradientTape() as tape:
                drops = {} if drop_seed is None else {"drop_active": tf.equal(index, 0), "drop_seed": drop_seed}
                logits = self((images, vectors[index]), training=True, **drops)
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
            "dropout": self.dropout,
            "drop_connect": self.drop_connect,
            "seed": self.seed,
            "separate_weights": self.separate_weights,
            "splitting_initializer": self.splitting_initializer,
        }
