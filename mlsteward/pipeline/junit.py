"""A pipeline's outcome in the XML that CI systems read test results in."""

import re
from xml.etree import ElementTree

from mlsteward.pipeline.outcome import PipelineOutcome, StepOutcome

# Characters that XML 1.0 cannot hold.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(outcome: PipelineOutcome) -> str:
    """One test suite with a case for each step: a check or gate that says no is a failure, a broken step an error, a
    step that waits for a person or was not reached is skipped."""
    states = [step.state for step in outcome.steps]
    counts = {
        "tests": str(len(states)),
        "failures": str(sum(step.state == "failed" and not step.tolerated for step in outcome.steps)),
        "errors": str(sum(step.state == "error" and not step.tolerated for step in outcome.steps)),
        "skipped": str(sum(state in ("waiting", "skipped") for state in states)),
        "time": f"{sum(step.seconds for step in outcome.steps):.3f}",
    }
    suites = ElementTree.Element("testsuites", {"name": "mlsteward", **counts})
    suite = ElementTree.SubElement(suites, "testsuite", {"name": outcome.name, **counts})
    for step in outcome.steps:
        _case(suite, outcome.name, step)
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _case(suite: ElementTree.Element, name: str, step: StepOutcome) -> None:
    case = ElementTree.SubElement(
        suite, "testcase", {"classname": name, "name": step.id, "time": f"{step.seconds:.3f}"}
    )
    words = _clean(step.words)
    if step.state in ("waiting", "skipped"):
        ElementTree.SubElement(case, "skipped", {"message": words})
        return
    if step.state in ("failed", "error") and not step.tolerated:
        kind = "failure" if step.state == "failed" else "error"
        ElementTree.SubElement(case, kind, {"message": words, "type": step.do}).text = _clean("\n".join(step.findings))
        return
    lines = [f"{step.told}: {step.words}" + (f" (run:{step.run})" if step.run else ""), *step.findings]
    ElementTree.SubElement(case, "system-out").text = _clean("\n".join(lines))


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
