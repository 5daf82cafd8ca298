"""Predicts what a request takes on this computer before anything loads, and ranks the ways to compute it.

Pure: the same facts, measurements and request give the same plans, whatever a model is called.
"""

from studio.domain.planning.choices import absent, applied
from studio.domain.planning.question import Correction, Place, Question
from studio.domain.planning.rank import plans

__all__ = ["Correction", "Place", "Question", "absent", "applied", "plans"]
