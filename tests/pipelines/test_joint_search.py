"""The central ablation: every arm spends as many evaluations, and nothing is evaluated twice."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from pipelines.report.figures import figure_svg
from pipelines.reproduction.joint_figures import ablation_rows
from pipelines.reproduction.joint_search import JOINT, Ablation, arms, run_arm
from pipelines.reproduction.joint_view import ablation_figure, ablation_table
from pipelines.reproduction.remembering import RememberingEvaluator
from pipelines.reproduction.trained_run import Effort, part_of
from splitnets_tf.errors import UserError
from splitnets_tf.hardware import load_system
from splitnets_tf.partition import all_on_aggregator, all_on_sensor, neurosurgeon
from splitnets_tf.search import AnalyticCost, Candidate, Cost, SearchSettings, memory_constraints
from splitnets_tf.space import architecture_graph, load_space

SPACE, SYSTEM, CLASSES = load_space("demo"), load_system("hmd-demo"), 34
SETTINGS = SearchSettings(population=6, generations=2)
ARMS = {arm.name: arm for arm in arms(SPACE)}


class SizeDecides:
    """Accuracy grows with the network's size, as in a table."""

    def __init__(self):
        self.asked = []
        self._cost = AnalyticCost(SPACE, SYSTEM, CLASSES)

    def evaluate(self, architecture):
        self.asked.append(architecture)
        return min(1.0, self._cost.cost(architecture).macs / 1e7)


def ablation(directory, evaluator, **changes):
    fields = {
        "space": SPACE,
        "system": SYSTEM,
        "num_classes": CLASSES,
        "constraints": (),
        "settings": SETTINGS,
        "evaluator": RememberingEvaluator(evaluator, directory / "accuracies.json", "one"),
        "directory": directory,
        "identity": "one",
    }
    return Ablation(**fields | changes)


@pytest.fixture(scope="module")
def spent(tmp_path_factory):
    """What every arm found with one seed, the folder, and what was evaluated."""
    folder, evaluator = tmp_path_factory.mktemp("ablation"), SizeDecides()
    shared = ablation(folder, evaluator)
    return {name: run_arm(shared, arm, 0) for name, arm in ARMS.items()}, folder, evaluator.asked


def test_the_arms_are_the_joint_search_every_place_and_the_four_others():
    fixed = [name for name in ARMS if name.startswith("split fixed")]
    assert len(fixed) == len(SPACE.split_choices([row.depths[-1] for row in SPACE.stages]))
    assert len(ARMS) == 1 + len(fixed) + 4
    assert next(iter(ARMS)) == JOINT


def test_a_part_of_the_space_is_one_and_another_space_is_refused():
    table = Path(__file__).parents[1] / "assets" / "supernet_table" / "space.yaml"
    assert part_of(SPACE, str(table)).count() < SPACE.count()
    assert part_of(SPACE, "demo") == SPACE
    with pytest.raises(UserError, match="no part of demo"):
        part_of(SPACE, "attentive_nas_split")
    with pytest.raises(UserError, match="no part of demo_part"):
        part_of(load_space(str(table)), "demo")


@pytest.mark.parametrize("evaluations", [0, 30])
def test_evaluations_are_whole_generations(evaluations):
    with pytest.raises(UserError, match="multiple of 20"):
        Effort(evaluations=evaluations)


def test_every_arm_spends_as_much_and_nothing_is_evaluated_twice(spent):
    found, _, asked = spent
    assert len(set(asked)) == len(asked)
    for name, candidates in found.items():
        if name != "architecture first, then Neurosurgeon":  # some of those fit nowhere
            assert len({each.architecture for each in candidates}) == SETTINGS.max_candidates, name
        assert candidates


def test_what_an_arm_finds_is_priced_as_it_would_be_deployed(spent):
    found, _, _ = spent
    cost = AnalyticCost(SPACE, SYSTEM, CLASSES)
    placements = {
        "no split, all on sensor": all_on_sensor,
        "no split, all on aggregator": all_on_aggregator,
        "architecture first, then Neurosurgeon": neurosurgeon,
    }
    for name, candidates in found.items():
        for each in candidates:
            assert all(limit.violation(each.cost.as_dict()) == 0 for limit in memory_constraints(SYSTEM))
            if name in placements:
                assert not each.architecture.is_split
                graph = architecture_graph(SPACE, each.architecture, CLASSES).graph
                assert each.cost.latency_ms == placements[name](graph, SYSTEM).latency_ms
            else:
                assert each.cost == cost.cost(each.architecture)
    for name in (name for name in ARMS if name.startswith("split fixed")):
        stride, block = (int(word.strip(",")) for word in np.array(name.split())[[4, 6]])
        for each in found[name]:
            split = each.architecture.split
            assert (SPACE.phases[split.phase].stride, split.position) == (stride, block)


def test_a_finished_arm_is_read_back_without_evaluating(spent):
    found, folder, _ = spent
    evaluator = SizeDecides()
    again = ablation(folder, evaluator)
    for name in (JOINT, "architecture first, then Neurosurgeon", "random"):
        assert run_arm(again, ARMS[name], 0) == found[name]
    assert evaluator.asked == []


def test_a_folder_with_another_search_is_refused_and_no_missing_arm(spent):
    _, folder, _ = spent
    other = ablation(folder, SizeDecides(), settings=dataclasses.replace(SETTINGS, mutation_probability=0.5))
    with pytest.raises(UserError, match="mutation_probability"):
        run_arm(other, ARMS[JOINT], 0)


def test_an_arm_for_which_nothing_fits_finds_nothing(tmp_path):
    """No unsplit network sends less than the raw image."""
    from splitnets_tf.search import parse_constraints

    small = ablation(tmp_path, SizeDecides(), constraints=parse_constraints(["link_bytes <= 256", "link_bytes >= 1"]))
    assert run_arm(small, ARMS["no split, all on aggregator"], 0) == ()


def at(latency_ms, accuracy):
    figures = dict.fromkeys((field.name for field in dataclasses.fields(Cost)), 0) | {"latency_ms": latency_ms}
    return Candidate(architecture=SPACE.smallest(), accuracy=accuracy, cost=Cost(**figures))


def test_figures_by_hand():
    points = {
        (JOINT, 0): [at(1.0, 0.5), at(2.0, 0.8)],
        ("other", 0): [at(1.0, 0.5), at(3.0, 0.8)],
        (JOINT, 1): [at(1.0, 0.6)],
        ("other", 1): [at(1.0, 0.7), at(9.0, 0.9)],
        ("none", 0): [],
        ("none", 1): [],
    }
    record = ablation_rows(points, reference_ms=4.0)
    assert record["reference"] == {"accuracy": 0.5, "latency_ms": 4.0}
    assert record["levels"] == pytest.approx([0.81, 0.855, 0.882])
    volumes = {(row["arm"], row["seed"]): row["hypervolume"] for row in record["rows"]}
    assert volumes[JOINT, 0] == pytest.approx(2 * 0.3 / (0.5 * 4))
    assert volumes["other", 0] == pytest.approx(1 * 0.3 / (0.5 * 4))
    assert volumes["other", 1] == pytest.approx(3 * 0.2 / (0.5 * 4))  # 9 ms lie beyond the reference
    assert volumes["none", 0] == 0
    verdicts = {row["against"]: row["joint_is"] for row in record["comparisons"]}
    assert verdicts == {"other": "undecided", "none": "better"}
    assert [row["latency_ms_at"] for row in record["rows"] if row["arm"] == "other"] == [[None] * 3, [9.0] * 3]


def test_table_and_figure_show_every_arm_and_seed(spent):
    found, _, _ = spent
    points = {(name, seed): candidates for name, candidates in found.items() for seed in (0, 1)}
    record = ablation_rows(points, reference_ms=2.0)
    table = ablation_table(record)
    assert list(table.columns[0].cells) == list(ARMS)
    assert all(len(cell.split()) == 2 for cell in table.columns[1].cells)
    drawn = figure_svg(lambda: ablation_figure(record, "title of it"))
    for name in ARMS:
        assert name in drawn
    assert "title of it" in drawn
