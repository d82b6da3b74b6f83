"""The report's sections on search and operation times: pure functions from summary.json."""

from collections.abc import Callable, Mapping
from typing import Any

from pipelines.mec.drawings import regression_figure, search_figure
from pipelines.report.figures import figure_svg, inline_svg
from pipelines.report.page import Figure, Paragraph, Section
from pipelines.report.units import ms_text

__all__ = ["drawn_figure", "search_section", "times_section"]

Summary = Mapping[str, Any]


def search_section(summary: Summary) -> Section:
    """The search epoch by epoch, and how far E[T] is from the mean of sampled networks."""
    history = summary["history"]
    drawn = summary["expectation"]
    bound = (
        "" if summary["system"]["topology"] == "chain" else ", which on a mesh is a lower bound of the expected latency"
    )
    sentence = (
        f"{drawn['networks']} networks drawn from the searched probabilities take "
        f"{ms_text(drawn['sampled_mean_ms'])} on average; E[T] is {ms_text(summary['expected_ms'])}{bound}. "
        f"The difference is {100 * drawn['gap']:+.2f} %."
    )
    figure = drawn_figure(
        lambda: search_figure(history, summary["limit_ms"]),
        "search",
        f"Search over {len(history)} epochs: latency, validation accuracy and entropy.",
        "Expected latency and latency of the network derived after each epoch, its validation accuracy with searched "
        "weights, and the mean entropy of the choices.",
    )
    return Section(identifier="search", title="The search", blocks=(Paragraph(text=sentence), figure))


def times_section(summary: Summary) -> Section:
    """How far the regression is from operations that it did not see."""
    regression = summary["regression"]
    sentence = (
        f"Five-fold cross-validation over {len(regression['measured_ms'])} measured operations: mean error "
        f"{100 * regression['mean_error']:.1f} %, largest {100 * regression['largest_error']:.1f} %. Measured on: "
        f"{regression['device']}."
    )
    figure = drawn_figure(
        lambda: regression_figure(regression["measured_ms"], regression["predicted_ms"]),
        "regression",
        sentence,
        "Predicted against measured time of each operation that the regression did not see.",
    )
    return Section(identifier="times", title="Operation times", blocks=(Paragraph(text=sentence), figure))


def drawn_figure(draw: Callable[[], Any], identifier: str, alternative: str, caption: str) -> Figure:
    """A drawing in a page, with the sentence that stands for it where it cannot be seen."""
    return Figure(svg=inline_svg(figure_svg(draw), identifier=identifier, alternative=alternative), caption=caption)
