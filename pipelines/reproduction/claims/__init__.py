"""The paper's claims about training, measured on the embedded data set at a scale that two cores can carry."""

from pipelines.reproduction.claims.command import run_study
from pipelines.reproduction.claims.settings import CONFIGURATIONS, STUDIES, VARIANTS, ClaimsSettings, Study, Variant

__all__ = ["CONFIGURATIONS", "STUDIES", "VARIANTS", "ClaimsSettings", "Study", "Variant", "run_study"]
