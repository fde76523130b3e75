"""What SeedX itself says in an answer: pure."""

from seedx_server.ai.core import HandoffReason

STAND_IN_NOTE = (
    "The AI that usually answers is unavailable right now, so this reply comes from its stand-in."
)
_WITH_THE_TEAM = "this ticket is now with our support team, and they will answer you here."
HANDOFF_SENTENCES = {
    HandoffReason.CUSTOMER_REQUEST: f"You asked for a person: {_WITH_THE_TEAM}",
    HandoffReason.MISSING_KNOWLEDGE: f"I cannot answer this reliably: {_WITH_THE_TEAM}",
    HandoffReason.POLICY: f"This is for a person to decide: {_WITH_THE_TEAM}",
    HandoffReason.PROVIDER_FAILURE: f"The AI is unavailable right now: {_WITH_THE_TEAM}",
    HandoffReason.LIMIT: f"The AI has answered all it may for now: {_WITH_THE_TEAM}",
}
"""How a customer is told that a person takes over."""

_BY_A_TICKET = "open a ticket, and our support team will answer you there."
ASK_SENTENCES = {
    HandoffReason.CUSTOMER_REQUEST: f"You ask for a person: {_BY_A_TICKET}",
    HandoffReason.MISSING_KNOWLEDGE: f"I cannot answer this reliably: {_BY_A_TICKET}",
    HandoffReason.POLICY: f"This is for a person to decide: {_BY_A_TICKET}",
    HandoffReason.PROVIDER_FAILURE: f"The AI is unavailable right now: {_BY_A_TICKET}",
    HandoffReason.LIMIT: f"The AI has answered all it may for now: {_BY_A_TICKET}",
}
"""How somebody who asks without a ticket is told that a person has to answer."""

STAFF_SENTENCES = {
    HandoffReason.CUSTOMER_REQUEST: "No draft: the customer asks for a person.",
    HandoffReason.MISSING_KNOWLEDGE: "No draft: the articles do not answer this.",
    HandoffReason.POLICY: "No draft: this is for a person to decide.",
    HandoffReason.PROVIDER_FAILURE: "No draft: the AI is unavailable.",
    HandoffReason.LIMIT: "No draft: the AI has answered all it may for now.",
}
"""What staff read in place of a draft that is only a hand-off."""
