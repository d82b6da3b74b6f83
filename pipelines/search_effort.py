"""What a search saved: candidates given up on a part of the validation images, and how the predictor ranked."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from splitnets_tf.search import SearchResult

__all__ = ["effort_sentences", "search_effort"]


def search_effort(result: SearchResult) -> dict[str, Any]:
    """Plain data: `evaluated`, `given_up`, `counted_share` (of all images of all candidates), `predictor_checks`."""
    return {
        "evaluated": len(result.evaluated),
        "given_up": sum(candidate.given_up for candidate in result.evaluated),
        "counted_share": sum(candidate.counted for candidate in result.evaluated) / max(len(result.evaluated), 1),
        "predictor_checks": [dataclasses.asdict(check) for check in result.predictor_checks],
    }


def effort_sentences(effort: Mapping[str, Any]) -> list[str]:
    """For the terminal; none where neither halving nor predictor was on."""
    sentences = []
    if effort["given_up"]:
        sentences.append(
            f"{effort['given_up']} of {effort['evaluated']} candidates were given up on a part of the validation "
            f"images; {100 * effort['counted_share']:.0f} % of the images were counted"
        )
    for check in effort["predictor_checks"]:
        sentences.append(
            f"generation {check['generation']}: the accuracy predictor's rank correlation with the last candidates is "
            f"{check['rank_correlation']:.2f}, so it {'chooses among the children' if check['used'] else 'is off'}"
        )
    return sentences
