"""Makes the scripts beside the tests importable: those run as child processes, too."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
