"""Secrets taken out of a text before it leaves the machine.

What is looked for has a shape of its own (keys of well-known services, tokens, private keys) or
stands where secrets stand (after `password=`, in a URL). It is better to take out too much than
too little; what is taken out is told.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

_NAMES = (
    r"pass(?:word|wd|phrase)|pwd|secret|token|credentials?|cookie|"
    r"(?:api|access|account|auth|client|encryption|private|shared|signing)[_-]?key"
)
# Every repetition is bounded, so that no text makes a search slow.
_VALUE = r"""(?P<value>"[^"\n]{1,4096}"|'[^'\n]{1,4096}'|[^\s"',;&]{1,4096})"""


class Rule(NamedTuple):
    """A kind of secret, and how it is found; a group named `value` is the part that is secret."""

    kind: str
    pattern: re.Pattern[str]


RULES = (
    Rule(
        "private key",
        re.compile(
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
            r"(?:.*?-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|.*\Z)",
            re.DOTALL,
        ),
    ),
    Rule("password in a URL", re.compile(r"://[^\s/:@]{0,200}:(?P<value>[^\s/@]{1,500})@")),
    Rule("AWS key", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    Rule(
        "GitHub token",
        re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_[A-Za-z0-9_]{22,255})"),
    ),
    Rule("GitLab token", re.compile(r"\bglpat-[A-Za-z0-9_-]{20,255}")),
    Rule("Slack token", re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,255}")),
    Rule("Google key", re.compile(r"\bAIza[0-9A-Za-z_-]{35}")),
    Rule(
        "API key",
        re.compile(r"\b(?:sk|pk|rk|gsk|hf|npm|dop_v1|pypi)[-_][A-Za-z0-9_-]{20,255}"),
    ),
    Rule(
        "JSON web token",
        re.compile(r"\beyJ[\w-]{8,4096}\.[\w-]{8,8192}\.[\w-]{8,4096}"),
    ),
    Rule("password hash", re.compile(r"\$(?:1|2[abxy]|5|6|y|argon2\w{1,2})\$[^\s:'\"]{8,500}")),
    Rule(
        "authorization",
        re.compile(r"(?i)\b(?:Bearer|Basic|Token)[ \t]{1,8}(?P<value>[\w.~+/=-]{8,8192})"),
    ),
    Rule(
        "secret",
        re.compile(rf"(?i)(?:{_NAMES})[\w.-]{{0,40}}[\"']?\s{{0,8}}=>?\s{{0,8}}{_VALUE}"),
    ),
    # After a colon much is prose; a secret is quoted or ends its line.
    Rule(
        "secret",
        re.compile(
            rf"(?im)(?:{_NAMES})[\w.-]{{0,40}}[\"']?[ \t]{{0,8}}:[ \t]{{0,8}}"
            r"""(?P<value>"[^"\n]{1,4096}"|'[^'\n]{1,4096}'|[^\s"',]{1,4096}(?=[ \t,]{0,8}$))"""
        ),
    ),
    Rule(
        "secret",
        re.compile(rf"(?i)--?(?:[a-z]{{1,20}}-){{0,3}}(?:{_NAMES})[ \t]{{1,8}}{_VALUE}"),
    ),
)
EMAIL = Rule(
    "e-mail address", re.compile(r"\b[\w.+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}")
)
_MARK = "[redacted"


class Redaction(NamedTuple):
    """What was taken out: its kind, and the line as it is now, counted from 1."""

    kind: str
    line: int
    text: str


def redact(text: str, *, emails: bool = False) -> tuple[str, list[Redaction]]:
    """Take the secrets out of a text.

    Args:
        text: Any text, such as a program's output.
        emails: Whether e-mail addresses go too.

    Returns:
        The text with `[redacted: KIND]` in the place of each secret, and what was taken out.
    """
    for kind, pattern in (*RULES, EMAIL) if emails else RULES:
        text = pattern.sub(_replacing(kind), text)
    return text, [
        Redaction(kind, number, line.strip())
        for number, line in enumerate(text.split("\n"), 1)
        for kind in re.findall(r"\[redacted: ([^\]\n]{1,40})\]", line)
    ]


def _replacing(kind: str) -> Callable[[re.Match[str]], str]:
    def replace(match: re.Match[str]) -> str:
        has_value = "value" in match.re.groupindex
        secret = match["value"] if has_value else match[0]
        if _MARK in secret:
            return match[0]
        start = match.start("value") - match.start() if has_value else 0
        return f"{match[0][:start]}[redacted: {kind}]{match[0][start + len(secret) :]}"

    return replace
