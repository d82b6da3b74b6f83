import pytest
from differentiable_cases import CHAIN, MESH


@pytest.fixture(params=["chain", "mesh"])
def topology(request):
    return CHAIN if request.param == "chain" else MESH
