"""Looks for what is wrong with this computer and studio, says why and what to do, and does it if asked."""

from studio.services.doctor.examination import examine
from studio.services.doctor.fixes import FIXES, fix
from studio.services.doctor.report import report
from studio.services.doctor.runner import CHECKS, run

__all__ = ["CHECKS", "FIXES", "examine", "fix", "report", "run"]
