"""The search ends among the best where everything is known; `benchmarks.search_success` has all seeds and problems."""

import numpy as np
import pytest

from benchmarks.search_success import TABLES, ranks, supernet_bits, supernet_table, synthetic_table
from benchmarks.synthetic_problem import SPACE
from splitnets_tf.space import every_architecture, load_space


def test_the_shipped_table_holds_every_architecture_of_its_space():
    architectures, bits = supernet_bits()
    table = supernet_table()
    assert set(architectures) == set(every_architecture(table.space)) == set(table.accuracy)
    assert bits.shape == (len(architectures), 1110) == (2160, 1110)
    for architecture in architectures[::50]:
        load_space("demo").check(architecture)
    # A larger image helps on the average; a table that was mixed up would not show that.
    means = [np.mean([table.accuracy[each] for each in architectures if each.resolution == side]) for side in (32, 56)]
    assert means[1] > means[0] + 0.03


def test_budgets_are_the_stated_shares_of_the_tables():
    assert synthetic_table().settings.max_candidates == 0.05 * len(synthetic_table().accuracy)
    assert supernet_table().settings.max_candidates == 0.1 * len(supernet_table().accuracy)
    assert len(synthetic_table().accuracy) > len(list(every_architecture(SPACE))) > 15000


def test_the_search_ends_among_the_best_of_real_evaluations():
    table = supernet_table()
    found = {
        method: [rank for texts in table.problems[1:] for rank in ranks(table, texts, method, range(2))]
        for method in ("with predictor", "random")
    }
    assert max(found["with predictor"]) <= 2
    assert sum(found["with predictor"]) < sum(found["random"])


@pytest.mark.slow
@pytest.mark.parametrize(("name", "method"), [("synthetic", "search"), ("supernet", "with predictor")])
def test_most_of_twenty_seeds_succeed(name, method):
    """18 of 20 is the mark; without the predictor, real evaluations miss it, as docs/search.md says."""
    table = TABLES[name]()
    for texts in table.problems:
        best = -(-len(table.feasible_accuracies(texts)) // 1000)
        assert sum(rank <= best for rank in ranks(table, texts, method, range(20))) >= 18
