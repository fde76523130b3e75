"""Code in Markdown: fences that open and close, and lines coloured one by one.

A line is coloured once, when it is complete, from the state that the lines before it left. Only
languages whose lexers can continue from such a state are coloured; where a lexer fails, the rest
stays plain.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style

from seedx_cli.markdown.style import CODE, COMMENT, KEYWORD, NAME, NUMBER, PLAIN, REMOVED, STRING

if TYPE_CHECKING:
    from pygments.lexer import Lexer, LexerContext
    from pygments.token import _TokenType

    Tokens = list[tuple[_TokenType, str]]

# A lexer's time grows faster than the length of the line.
LONGEST_COLORED_LINE = 1000

# The names that people use for a language, and the lexer that can read it line by line.
_LANGUAGES = {
    "bash": "bash",
    "c": "c",
    "c#": "csharp",
    "c++": "cpp",
    "cpp": "cpp",
    "cs": "csharp",
    "csharp": "csharp",
    "css": "css",
    "diff": "diff",
    "go": "go",
    "golang": "go",
    "html": "html",
    "ini": "ini",
    "java": "java",
    "javascript": "javascript",
    "js": "javascript",
    "json": "json",
    "kotlin": "kotlin",
    "nginx": "nginx",
    "patch": "diff",
    "powershell": "powershell",
    "ps1": "powershell",
    "py": "python",
    "python": "python",
    "python3": "python",
    "rs": "rust",
    "rust": "rust",
    "sh": "bash",
    "shell": "bash",
    "sql": "sql",
    "toml": "toml",
    "ts": "typescript",
    "typescript": "typescript",
    "xml": "xml",
    "yaml": "yaml",
    "yml": "yaml",
    "zsh": "bash",
}
_STYLES = {
    "Comment": COMMENT,
    "Comment.Preproc": KEYWORD,
    "Generic.Deleted": REMOVED,
    "Generic.Heading": NAME,
    "Generic.Inserted": STRING,
    "Generic.Subheading": NAME,
    "Keyword": KEYWORD,
    "Literal": STRING,
    "Literal.Number": NUMBER,
    "Name.Attribute": NAME,
    "Name.Builtin": NAME,
    "Name.Class": NAME,
    "Name.Constant": STRING,
    "Name.Decorator": NAME,
    "Name.Function": NAME,
    "Name.Namespace": NAME,
    "Name.Tag": NAME,
    "Operator.Word": KEYWORD,
}
_COMMENTS = {"/*": "*/", "<!--": "-->", "<#": "#>"}
_HEREDOC = re.compile(r"<<-?\s*[\"'\\]?[A-Za-z_]")
_FENCE = re.compile(r"(?P<indent> {0,3})(?P<marks>`{3,}|~{3,})[ \t]*(?P<info>.*)")

_FENCE_END = re.compile(r" {0,3}(?P<marks>`{3,}|~{3,})[ \t]*")


@dataclass(frozen=True)
class Fence:
    """An open code fence (CommonMark 0.31, section 4.5).

    Attributes:
        indent: Columns before its marks, which are removed from its lines too.
        marks: The backquotes or tildes that open it.
        language: The first word of its info string.
    """

    indent: int
    marks: str
    language: str

    @classmethod
    def opened_by(cls, line: str) -> Fence:
        """Read the line that opens a fence.

        Raises:
            ValueError: The line does not open a fence.
        """
        match = _FENCE.match(line)
        if match is None:
            raise ValueError(f"Not a code fence: {line!r}")
        language = match["info"].strip().partition(" ")[0]
        return cls(len(match["indent"]), match["marks"], language)

    def is_closed_by(self, line: str) -> bool:
        """Whether a line ends the fence."""
        match = _FENCE_END.fullmatch(line)
        return bool(match and match["marks"].startswith(self.marks))

    def content(self, line: str) -> str:
        """Return a line of code without the indentation of the fence."""
        spaces = len(line) - len(line.lstrip(" "))
        return line[min(spaces, self.indent) :]


class Highlighter:
    """Colours code line by line.

    A copy made with `copy.copy` has its own state, so that a line can be previewed before it is
    complete.

    Args:
        language: The name of the language; code in an unknown one stays plain.
    """

    def __init__(self, language: str) -> None:
        name = _LANGUAGES.get(language.lower())
        self._lexer = _lexer(name) if name else None
        self._context = _context(self._lexer)
        self._heredocs = name == "bash"
        self._comment_end = ""

    def line(self, text: str) -> list[Segment]:
        """Colour the next line.

        Args:
            text: The line without its newline.

        Returns:
            The same text in coloured segments.
        """
        comment, code = self._split_comment(text)
        tokens = self._tokens(code) if code else []
        if tokens is None:
            self._lexer = None
            tokens = [(code, CODE)]
        parts = [(comment, COMMENT), *tokens]
        return [Segment(part, style) for part, style in parts if part]

    def _split_comment(self, text: str) -> tuple[str, str]:
        """Cut off the rest of a comment that an earlier line opened."""
        if not self._comment_end:
            return "", text
        comment, end, code = text.partition(self._comment_end)
        if end:
            self._comment_end = ""
        return comment + end, code

    def _tokens(self, code: str) -> list[tuple[str, Style]] | None:
        """Lex a line; return None if the lexer cannot be trusted with it, or with later lines."""
        if self._lexer is None or len(code) > LONGEST_COLORED_LINE:
            return None
        if self._heredocs and _HEREDOC.search(code):
            return None
        tokens, context = _lexed(self._lexer, code, self._context)
        for start, end in _COMMENTS.items():
            if code.rfind(start) > code.rfind(end):
                closed, after = _lexed(self._lexer, code + end, self._context)
                if _is_comment(closed, end):
                    self._comment_end = end
                    tokens, context = [*closed[:-1], _shortened(closed[-1], len(end))], after
        self._context = context
        if any(kind[:1] == ("Error",) for kind, _ in tokens):
            return None
        return [(text, style_of(kind)) for kind, text in tokens]


def _lexer(name: str) -> Lexer:
    from pygments.lexers import get_lexer_by_name

    return get_lexer_by_name(name, stripnl=False, ensurenl=False)


def _context(lexer: Lexer | None) -> LexerContext | None:
    """Return the state that a lexer starts with; None if each line is lexed alone."""
    from pygments.lexer import LexerContext, RegexLexer
    from pygments.lexers.data import YamlLexer, YamlLexerContext

    if isinstance(lexer, YamlLexer):
        return YamlLexerContext("", 0)  # type: ignore[no-untyped-call]  # the stubs leave it out
    return LexerContext("", 0) if isinstance(lexer, RegexLexer) else None


def _lexed(
    lexer: Lexer, code: str, before: LexerContext | None
) -> tuple[Tokens, LexerContext | None]:
    """Lex one line from the state before it, and return the state after it too."""
    from pygments.lexer import ExtendedRegexLexer

    context = copy.deepcopy(before)
    if context is None:
        found = lexer.get_tokens_unprocessed(code)
    else:
        context.text, context.pos, context.end = code + "\n", 0, len(code) + 1
        found = ExtendedRegexLexer.get_tokens_unprocessed(
            lexer,  # type: ignore[arg-type]  # it runs the tables of any RegexLexer
            None,
            context,
        )
    pairs = [(kind, text.rstrip("\n")) for _, kind, text in found]
    return [(kind, text) for kind, text in pairs if text], context


def _shortened(token: tuple[_TokenType, str], length: int) -> tuple[_TokenType, str]:
    return token[0], token[1][:-length]


def _is_comment(tokens: Tokens, end: str) -> bool:
    if not tokens:
        return False
    kind, text = tokens[-1]
    return kind[:1] == ("Comment",) and kind[1:] != ("Single",) and text.endswith(end)


def style_of(kind: _TokenType) -> Style:
    """Return the style of a kind of token, or of the nearest kind that includes it."""
    for length in range(len(kind), 0, -1):
        style = _STYLES.get(".".join(kind[:length]))
        if style is not None:
            return style
    return PLAIN
