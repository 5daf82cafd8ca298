"""The engine: does it start and answer, and do the figures that predictions rest on still hold."""

from __future__ import annotations

from studio.domain.diagnosis import Finding, State, fail, passed, skipped, warn
from studio.services.doctor.case import Case


def answers(case: Case) -> Finding:
    """Whether the engine started and computed on the processor."""
    if case.failure is not None:
        failure = case.failure
        return Finding(
            state=State.FAIL,
            reason=f"failure.{failure.code}",
            fix=f"failure.{failure.code}.hint",
            values=failure.values,
        )
    if case.engine_seconds is None:
        return warn("doctor.engine.answers.late", "doctor.engine.answers.again")
    if case.processor_reason and case.build is not None:
        return fail("doctor.engine.answers.wrong", "machine.fix.install", reason=case.processor_reason)
    if case.build is None:
        return fail("doctor.engine.answers.no_torch", "machine.fix.install")
    return passed("doctor.engine.answers.yes", torch=case.build.version, seconds=f"{case.engine_seconds:.1f}")


def measured(case: Case) -> Finding:
    """Whether this computer was measured as it is now."""
    found = case.measurements
    if found is None:
        return skipped("doctor.engine.measured.never", action="measure")
    if case.stale:
        return warn("doctor.engine.measured.stale", "doctor.engine.measured.again", action="measure")
    if found.throttled:
        return warn("doctor.engine.measured.throttled", "doctor.engine.measured.cool", action="measure")
    return passed("doctor.engine.measured.fits", name=found.name)


CHECKS = {"answers": answers, "measured": measured}
