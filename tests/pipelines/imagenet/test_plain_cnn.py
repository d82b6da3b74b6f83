"""The plain network for comparison."""

from pipelines.imagenet.plain_cnn import plain_cnn, plain_cnn_macs, plain_cnn_widths
from splitnets_tf.graph import read_keras_model
from splitnets_tf.hardware import total_macs


def test_it_has_at_least_the_asked_macs_and_no_more_than_needed():
    for wanted in (1, 500_000, 8_000_000):
        widths = plain_cnn_widths(64, 34, wanted)
        assert plain_cnn_macs(64, 34, widths) >= wanted
        narrower = tuple(width - width // widths[0] * 2 for width in widths)
        if narrower[0] > 0:
            assert plain_cnn_macs(64, 34, narrower) < wanted


def test_formula_equals_the_graph_of_the_built_network():
    widths = (8, 16, 32, 32)
    model = plain_cnn(48, 10, widths)
    assert total_macs(read_keras_model(model)) == plain_cnn_macs(48, 10, widths)
