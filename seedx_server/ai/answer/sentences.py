"""The sentences that SeedX itself adds to an answer: pure."""

from seedx_server.ai.core import HandoffReason

FALLBACK_NOTE = "Our usual AI is unavailable at the moment, so this is a simpler answer."

_WITH_THE_TEAM = "Our support team has your ticket and will reply here."
HANDOFF_SENTENCES = {
    HandoffReason.CUSTOMER_REQUEST: f"I'm passing you to a person. {_WITH_THE_TEAM}",
    HandoffReason.MISSING_KNOWLEDGE: f"I'm not sure enough to answer this. {_WITH_THE_TEAM}",
    HandoffReason.POLICY: f"This one needs a person to decide. {_WITH_THE_TEAM}",
    HandoffReason.PROVIDER_FAILURE: f"I can't answer at the moment. {_WITH_THE_TEAM}",
    HandoffReason.LIMIT: f"That's as far as I can go here. {_WITH_THE_TEAM}",
}
"""They tell customers that a person takes over."""

_BY_A_TICKET = "Open a ticket and our support team will help you there."
ASK_SENTENCES = {
    HandoffReason.CUSTOMER_REQUEST: f"You'd like to talk to a person. {_BY_A_TICKET}",
    HandoffReason.MISSING_KNOWLEDGE: f"I'm not sure enough to answer this. {_BY_A_TICKET}",
    HandoffReason.POLICY: f"This one needs a person to decide. {_BY_A_TICKET}",
    HandoffReason.PROVIDER_FAILURE: f"I can't answer at the moment. {_BY_A_TICKET}",
    HandoffReason.LIMIT: f"That's as far as I can go here. {_BY_A_TICKET}",
}
"""They tell people who asked without a ticket that a person has to answer."""

STAFF_SENTENCES = {
    HandoffReason.CUSTOMER_REQUEST: "No draft: the customer asks for a person.",
    HandoffReason.MISSING_KNOWLEDGE: "No draft: the articles do not answer this.",
    HandoffReason.POLICY: "No draft: a person has to decide this.",
    HandoffReason.PROVIDER_FAILURE: "No draft: the AI is unavailable.",
    HandoffReason.LIMIT: "No draft: the AI reached its limit.",
}
"""They tell staff why there is no draft."""
