"""Makes the synthetic problem importable: child processes of the tests run beside it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
