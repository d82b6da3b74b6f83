"""pareto.csv: round trip, one step on disk, clear refusals."""

import dataclasses

import pytest

from benchmarks.synthetic_problem import SPACE, RuggedTable, synthetic_cost
from splitnets_tf.errors import UserError
from splitnets_tf.search import COST_FIGURES, Candidate, read_pareto_csv, write_pareto_csv
from splitnets_tf.space import every_architecture

TABLE = RuggedTable(SPACE)
CANDIDATES = tuple(
    Candidate(architecture=architecture, accuracy=TABLE.accuracy(architecture), cost=synthetic_cost(architecture))
    for architecture in list(every_architecture(SPACE))[::1500]
)


def test_reading_gives_back_what_was_written_to_the_last_digit(tmp_path):
    path = tmp_path / "pareto.csv"
    write_pareto_csv(path, CANDIDATES)
    assert read_pareto_csv(path) == CANDIDATES
    header, first = path.read_text().splitlines()[:2]
    assert header == ",".join(("id", "accuracy", *COST_FIGURES, "counted", "architecture"))
    assert first.startswith(f"{CANDIDATES[0].architecture.short_id},{CANDIDATES[0].accuracy!r},")


def test_a_table_is_replaced_in_one_step_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / "pareto.csv"
    write_pareto_csv(path, CANDIDATES)
    write_pareto_csv(path, CANDIDATES[:1])
    assert read_pareto_csv(path) == CANDIDATES[:1]
    assert list(tmp_path.iterdir()) == [path]


def test_a_failing_write_leaves_the_old_table(tmp_path, monkeypatch):
    path = tmp_path / "pareto.csv"
    write_pareto_csv(path, CANDIDATES)

    def fail(*_args):
        raise OSError("disk full")

    monkeypatch.setattr("pathlib.Path.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_pareto_csv(path, ())
    assert read_pareto_csv(path) == CANDIDATES


@pytest.mark.parametrize(
    ("spoil", "part"),
    [
        (lambda text: text.replace("latency_ms", "latency", 1), "expected the columns"),
        (lambda text: text.replace(CANDIDATES[1].id, "0" * 12), "line 3: the id"),
        (lambda text: text.replace(repr(CANDIDATES[0].accuracy), "good", 1), "line 2: could not convert"),
        (lambda text: text + "a,b\n", f"line {len(CANDIDATES) + 2}: expected"),
        (lambda text: text.replace("head_width", "head", 1), "line 2: architecture"),
        (lambda _text: "", "expected the columns"),
    ],
)
def test_a_spoilt_table_is_refused_by_file_and_line(tmp_path, spoil, part):
    path = tmp_path / "pareto.csv"
    write_pareto_csv(path, CANDIDATES)
    path.write_text(spoil(path.read_text()))
    with pytest.raises(UserError) as error:
        read_pareto_csv(path)
    assert str(path) in str(error.value) and part in str(error.value)


def test_a_missing_table_is_refused(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read_pareto_csv(tmp_path / "pareto.csv")


def test_energy_is_kept_and_tables_without_it_are_still_read(tmp_path):
    path = tmp_path / "pareto.csv"
    priced = tuple(
        dataclasses.replace(each, cost=dataclasses.replace(each.cost, energy_mj=0.1 + index))
        for index, each in enumerate(CANDIDATES)
    )
    write_pareto_csv(path, priced)
    assert read_pareto_csv(path) == priced
    write_pareto_csv(path, CANDIDATES)
    assert read_pareto_csv(path) == CANDIDATES
    older = path.read_text().replace(",counted,", ",").replace(',1.0,"{', ',"{')
    path.write_text(older)
    assert read_pareto_csv(path) == CANDIDATES
    path.write_text(older.replace(",energy_mj,architecture", ",architecture").replace(',,"{', ',"{'))
    assert read_pareto_csv(path) == CANDIDATES


def test_a_candidate_that_was_given_up_is_kept_as_one(tmp_path):
    path = tmp_path / "evaluated.csv"
    marked = (dataclasses.replace(CANDIDATES[0], counted=0.25), *CANDIDATES[1:])
    write_pareto_csv(path, marked)
    assert [each.given_up for each in read_pareto_csv(path)] == [True] + [False] * (len(CANDIDATES) - 1)
    assert read_pareto_csv(path) == marked
