"""The table that a pipeline prints at its end."""

import io

import pytest
from rich.console import Console

from pipelines.report import terminal_summary
from splitnets_tf.errors import UserError


def printed(summary, width=100):
    console = Console(file=io.StringIO(), width=width)
    console.print(terminal_summary(summary))
    return console.file.getvalue().replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize("width", [80, 100, 160])
def test_every_network_stands_there_with_its_figures(summary, width):
    text = printed(summary, width)
    for figure in ("71.3", "[66.7, 75.6]", "63.9", "70.4", "[65.9, 74.7]", "4.35", "1.31", "340 kB", "55.8 kB", "69.9"):
        assert figure in text
    for name in ("all-on-sensor", "all-on-aggregator", "neurosurgeon", "plain CNN", "SplitNets", "searched in demo"):
        assert name in text
    assert "infeasible" in text
    assert (
        text.index("FIXTURE NUMBERS") < text.index("all-on-sensor") < text.index("SplitNets\n") if width == 0 else True
    )
    assert all(len(line) <= width for line in text.splitlines())


def test_kinds_of_accuracy_have_columns_of_their_own(summary):
    lines = printed(summary, 120).splitlines()
    alone = next(line for line in lines if "63.9" in line)
    tuned = next(line for line in lines if "70.4" in line)
    assert alone.index("63.9") > tuned.index("70.4") + 4


def test_a_shortfall_comes_first(summary):
    assert "falls short" not in printed(summary)
    summary["comparisons"][0]["holds"] = False
    assert printed(summary).startswith("This run falls short of its goal.\nFIXTURE NUMBERS")


def test_names_are_no_markup(summary):
    summary["baselines"][0]["backbone"] = "[bold]x[/bold]"
    assert "[bold]x[/bold]" in printed(summary, 160)


def test_a_malformed_summary_names_its_key(summary):
    del summary["baselines"][1]["backbone"]
    with pytest.raises(UserError, match=r"'baselines\[1\]\.backbone' is missing"):
        terminal_summary(summary)


def test_a_long_name_breaks_at_its_hyphens(summary):
    summary["baselines"][2]["method"] = "neurosurgeon-no-limit"
    summary["baselines"][2]["accuracy_kind"] = "fine_tuned"
    names = [line.split()[0] for line in printed(summary, 80).splitlines() if line.strip()]
    assert "neurosurgeon-no-" in names
    assert names[names.index("neurosurgeon-no-") + 1] == "limit"
