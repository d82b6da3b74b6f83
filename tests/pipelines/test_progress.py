"""Progress on plain lines, as a log file or CI shows it."""

import pytest

from pipelines.progress import console, progress_bar


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("pipelines.progress.time.monotonic", lambda: now[0])
    return now


def lines_of(capsys):
    return capsys.readouterr().out.splitlines()


def test_time_left_does_not_count_what_happens_once(clock, capsys):
    with progress_bar("training", 100, done=40) as advance:
        clock[0] = 50.0  # tracing, then the first step
        advance(41, "")
        assert lines_of(capsys) == ["training: 41/100, 50 s so far, time left unknown"]
        clock[0] = 70.0
        advance(61, "loss 1.0")
        assert lines_of(capsys) == ["training: 61/100, 70 s so far, 39 s left loss 1.0"]


def test_lines_are_rare_and_the_last_one_always_comes(clock, capsys):
    with progress_bar("search", 10) as advance:
        for amount in range(1, 11):
            clock[0] = float(amount)
            advance(amount, "")
    assert [line.split(",")[0] for line in lines_of(capsys)] == ["search: 1/10", "search: 10/10"]


def test_brackets_are_no_markup(clock, capsys):
    console().print("runs/[bold]", "[/red]")
    with progress_bar("reading [/red]", 1) as advance:
        advance(1, "[link]")
    assert lines_of(capsys) == ["runs/[bold] [/red]", "reading [/red]: 1/1, 0 s so far, time left unknown [link]"]
