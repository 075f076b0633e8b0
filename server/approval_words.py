"""The question for approval, as a person reads it in a host or a terminal."""

from mlsteward.answer import one_line
from mlsteward.store.approvals import Approval

_REASON = 300
_CALLER = 80


def approval_words(approval: Approval) -> str:
    """The question. What the caller wrote is quoted on one line, so that it cannot pass for ours."""
    reason, client = (
        one_line(text, most).replace("“", "'").replace("”", "'")
        for text, most in ((approval.reason, _REASON), (approval.client, _CALLER))
    )
    return "\n".join(
        [
            f"mlsteward asks for your approval to {approval.action}: {approval.asset}.",
            approval.summary,
            f"Asked by {approval.actor}{f' with “{client}”' if client else ''}.",
            f"The reason given: “{reason}”" if reason else "No reason was given.",
            f"It is done only if you approve, until {approval.expires:%Y-%m-%d %H:%M} UTC.",
        ]
    )
