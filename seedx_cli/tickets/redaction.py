"""Removes secrets from a text before it leaves the machine.

A secret is recognised by its shape (keys of well-known services, tokens, private keys) or by its
place (after `password=`, in a URL). Removing too much is better than removing too little; what was
removed is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_NAMES = (
    r"pass(?:word|wd|phrase)|(?<=[_-])pass\b|pwd|secret(?!ary)|credentials?|cookie|"
    r"token(?!s\b|i[sz]|_(?:count|limit|type))|(?<![a-z])_auth\b|"
    r"(?:api|access|account|auth|client|encryption|private|secret|shared|signing)[_-]?key"
)
# The name of a file, such as token.py, is not the name of a setting.
_NAME = rf"(?:{_NAMES})(?![\w.-]{{0,40}}\.(?:[jt]sx?|go|js|log|md|py|rb|rs)\b)[\w.-]{{0,40}}"
_EMPTY = r"(?!(?:null|nil|none|true|false|undefined|\*{3,}|[{}()]{1,3})(?![^\s\"',;]))"
# Every repetition is bounded, so that no text can make a search slow.
_QUOTED = r"""\"(?:[^\"\\\n]|\\.){1,4096}\"|'(?:[^'\\\n]|\\.){1,4096}'"""
_BARE = r"""(?:[^\s\"',;&\\]|\\(?:\r?\n[ \t]{0,80})?){1,4096}"""
_BLOCK = r"[|>][+-]?[ \t]{0,8}\r?\n(?:[ \t]{1,80}[^\n]{1,4096}\n?){1,50}"
_BASE64_LINES = r"(?:[ \t>|]{0,8}[A-Za-z0-9+/=]{1,200}[ \t]{0,8}\r?(?:\n|\Z))"
_KEY = r"[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
# The value of a header ends at a quote, unless that is part of it: `Digest response="…"`.
_HEADER = r"""(?:\\[^\n]|=[ \t]{0,8}\"[^\"\n]{0,4096}\"|[^\"'\n\\]){1,8192}+"""


class Rule(NamedTuple):
    """A kind of secret and its pattern, where a group named `value` is the secret part."""

    kind: str
    pattern: re.Pattern[str]


def _rule(kind: str, *parts: str, flags: re.RegexFlag = re.NOFLAG) -> Rule:
    return Rule(kind, re.compile("".join(parts), flags))


_ANY_CASE = re.IGNORECASE | re.MULTILINE

RULES = (
    _rule("private key", rf"-----BEGIN {_KEY}(?:.*?-----END {_KEY}|.*\Z)", flags=re.DOTALL),
    # The rest of a key whose beginning is missing.
    _rule(
        "private key",
        rf"^{_BASE64_LINES}{{0,120}}+[^\n]{{0,200}}-----END {_KEY}",
        flags=re.MULTILINE,
    ),
    _rule("private key", rf"Private-Lines: \d{{1,4}}\r?\n(?P<value>{_BASE64_LINES}{{1,200}}+)"),
    _rule("private key", r"\bAGE-SECRET-KEY-1[0-9A-Z]{50,80}"),
    _rule("password in a URL", r"://[^\s/:@]{0,200}:(?P<value>[^\s/\"'<>]{1,500})@"),
    _rule("token in a URL", r"://(?P<value>[^\s/:@]{20,500})@"),
    _rule(
        "signature in a URL",
        r"[?&](?:sig|[\w-]{0,40}signature|key|auth)=(?P<value>[^\s&\"'#]{8,4096})",
        flags=_ANY_CASE,
    ),
    _rule(
        "webhook",
        r"\b(?:hooks\.slack\.com/(?:services|workflows)|discord(?:app)?\.com/api/webhooks)/"
        r"(?P<value>[\w/-]{8,200})",
    ),
    _rule("AWS key", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    _rule("GitHub token", r"\b(?:gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_[A-Za-z0-9_]{22,255})"),
    _rule("GitLab token", r"\bgl(?:pat|dt|rt|ptt)-[A-Za-z0-9_-]{20,255}"),
    _rule("Slack token", r"\b(?:xox[abceoprs]|xapp)-[A-Za-z0-9-]{10,255}"),
    _rule(
        "Google key",
        r"\b(?:AIza[0-9A-Za-z_-]{35}|ya29\.[\w-]{20,2048}|GOCSPX-[\w-]{20,64})",
    ),
    _rule("SendGrid key", r"\bSG\.[\w-]{16,32}\.[\w-]{32,64}"),
    _rule("Twilio key", r"\bSK[0-9a-f]{32}\b"),
    _rule("Telegram token", r"\b\d{8,10}:AA[\w-]{30,40}"),
    _rule("Vault token", r"\bhv[sbr]\.[\w-]{20,255}"),
    _rule(
        "API key",
        r"\b(?:sk|pk|rk|gsk|hf|npm|dop_v1|pypi|whsec)[-_](?=[A-Za-z_-]{0,255}\d)"
        r"[A-Za-z0-9_-]{20,255}",
    ),
    _rule("JSON web token", r"\beyJ[\w-]{8,4096}\.[\w-]{8,8192}\.[\w-]{8,4096}"),
    _rule("password hash", r"\$(?:1|2[abxy]|5|6|y|argon2\w{1,2})\$[^\s:'\"]{8,500}"),
    _rule(
        "authorization",
        r"\bAuthorization[\"']?[ \t]{0,8}[:=][ \t]{0,8}[\"']?"
        rf"(?P<value>(?!\s){_HEADER}(?:\n[ \t]{{1,80}}[\w.~+/=-]{{1,4096}}$){{0,50}})",
        flags=_ANY_CASE,
    ),
    _rule(
        "authorization",
        r"\b(?:Bearer|Basic|Token)[ \t]{1,8}(?=[\w.~+/-]{0,255}[\d=])"
        r"(?P<value>[\w.~+/=-]{8,8192})",
        flags=_ANY_CASE,
    ),
    _rule(
        "cookie",
        rf"\b(?:Set-)?Cookie:(?!:)[ \t]{{0,8}}(?P<value>(?!\s){_HEADER})",
        flags=_ANY_CASE,
    ),
    _rule(
        "secret",
        rf"{_NAME}[\"']?\s{{0,8}}=>?[ \t]{{0,8}}(?:\\\r?\n[ \t]{{0,80}})?{_EMPTY}",
        rf"(?P<value>{_QUOTED}|{_BARE})",
        flags=_ANY_CASE,
    ),
    # What follows a colon is often prose; a secret is quoted, or ends its line or list item.
    _rule(
        "secret",
        rf"{_NAME}[\"']?[ \t]{{0,8}}:(?:[ \t]{{0,8}}|\s{{0,80}}(?=[\"'])){_EMPTY}",
        rf"(?P<value>{_QUOTED}|{_BLOCK}|{_BARE}(?=[\"']|[ \t\r]{{0,8}}(?:$|[,;&}}\]]|\#)))",
        flags=_ANY_CASE,
    ),
    _rule("secret", rf"<[\w.-]{{0,40}}{_NAME}>(?P<value>[^<\n]{{1,4096}})<", flags=_ANY_CASE),
    _rule(
        "secret",
        rf"--?(?:[a-z]{{1,20}}-){{0,3}}(?:{_NAMES})[ \t]{{1,8}}(?P<value>{_QUOTED}|{_BARE})",
        flags=_ANY_CASE,
    ),
    _rule("secret", r"\"auth\"\s{0,80}:\s{0,80}(?P<value>\"[^\"\n]{4,4096}\")"),
    _rule(
        "password",
        r"(?<!\S)(?:-u|--user)[ =]{1,8}[\"']?[^\s:\"']{1,200}:(?!\d{1,9}\b)"
        r"(?P<value>[^\s\"']{1,500})",
    ),
    _rule("password", r"\b(?:mysql\w{0,10}|mariadb)\b[^\n|;]{0,200}?\s-p(?P<value>\S{1,200})"),
    _rule("password", r"\bsshpass[ \t]{1,8}-p[ \t]{0,8}(?P<value>\S{1,200})"),
    _rule(
        "password",
        r"\b(?:login|user)\s{1,80}\S{1,200}\s{1,80}password\s{1,80}(?P<value>\S{1,500})",
    ),
    _rule(
        "password",
        r"\b(?:IDENTIFIED[ ]BY|PASSWORD)[ \t]{1,8}(?P<value>'[^'\n]{1,500}')",
        flags=_ANY_CASE,
    ),
    # A line of .pgpass; its port of four or five digits rules out a compiler's line number.
    _rule(
        "password",
        r"^[^:\s]{1,253}:(?:\d{4,5}|\*)(?::[^:\s]{1,63}){2}:(?P<value>\S{1,500})$",
        flags=re.MULTILINE,
    ),
)
EMAIL = Rule(
    "e-mail address", re.compile(r"\b[\w.+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}")
)
_KINDS = "|".join(sorted({re.escape(rule.kind) for rule in (*RULES, EMAIL)}))
_MARK = re.compile(rf"\[redacted: ({_KINDS})\]")
# A colour within `password=…` would hide it.
_ESCAPE_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]{0,64}[ -/]{0,8}[@-~])?")


class Redaction(NamedTuple):
    """A secret that was removed: its kind, its line counted from 1, and that line without it."""

    kind: str
    line: int
    text: str


class _Secret(NamedTuple):
    start: int
    end: int
    kind: str


def redact(text: str, *, emails: bool = False) -> tuple[str, list[Redaction]]:
    """Remove the secrets from a text.

    Args:
        text: Any text, such as a program's output.
        emails: Whether e-mail addresses are removed too.

    Returns:
        The text without escape sequences and with `[redacted: KIND]` in place of each secret,
        and the list of what was removed.
    """
    text = _ESCAPE_SEQUENCE.sub("", text)
    rules = (*RULES, EMAIL) if emails else RULES
    pieces: list[str] = []
    end = 0
    for secret in _merge_overlapping([*_existing_marks(text), *_secrets(text, rules)]):
        pieces += text[end : secret.start], f"[redacted: {secret.kind}]"
        end = secret.end
    clean = "".join([*pieces, text[end:]])
    return clean, [
        Redaction(kind, number, line.strip())
        for number, line in enumerate(clean.split("\n"), 1)
        for kind in _MARK.findall(line)
    ]


def _existing_marks(text: str) -> Iterator[_Secret]:
    for mark in _MARK.finditer(text):
        yield _Secret(*mark.span(), mark[1])


def _secrets(text: str, rules: Iterable[Rule]) -> Iterator[_Secret]:
    """Find what each rule removes, all in the same text: no rule hides a secret from another."""
    for kind, pattern in rules:
        group = "value" if "value" in pattern.groupindex else 0
        for match in pattern.finditer(text):
            yield _Secret(*match.span(group), kind)


def _merge_overlapping(secrets: Iterable[_Secret]) -> list[_Secret]:
    """Join secrets that overlap; the result has the kind of the one that begins first."""
    merged: list[_Secret] = []
    for secret in sorted(secrets, key=lambda secret: (secret.start, -secret.end)):
        if merged and secret.start < merged[-1].end:
            merged[-1] = merged[-1]._replace(end=max(merged[-1].end, secret.end))
        else:
            merged.append(secret)
    return merged
