"""With this folder in PYTHONPATH, an interpreter finds the job kinds in `kinds` beside those of the product."""

from pathlib import Path

import mlsteward.runs.jobs

mlsteward.runs.jobs.__path__.append(str(Path(__file__).parent / "kinds"))
