"""Code is coloured line by line as a lexer colours the whole of it, or not at all."""

from __future__ import annotations

import copy

import pytest
from pygments.lexers import get_lexer_by_name
from rich.segment import Segment
from rich.style import Style

from seedx_cli.markdown.code import LONGEST_COLORED_LINE, Fence, Highlighter, style_of
from seedx_cli.markdown.style import CODE, COMMENT, KEYWORD, STRING

SAMPLES = {
    "python": (
        'import os\n\n@cached\nclass A(B):\n    """Doc\n    more."""\n\n'
        "    async def f(self, x: int = 1) -> str:\n        return f\"{x!r}\" + 'a\\n'  # note\n\n"
        "s = '''x\ny'''\nprint(A().f(0x1F, 1.5e3), lambda: None)\n"
    ),
    "bash": (
        'set -euo pipefail\nexport A="x $B ${C:-d}"\nif [ -f "$1" ]; then\n  echo "many\nlines" '
        "| grep 'foo' >> out.log\nfi\nfor i in $(seq 1 3); do curl -s x/$i \\\n  -H 'A: b'; done\n"
    ),
    "json": '{\n  "a": [1, 2.5, true, null],\n  "b": {"c": "d\\n"}\n}\n',
    "yaml": (
        '# c\nservices:\n  web:\n    image: nginx:1\n    ports:\n      - "80:80"\n    cmd: |\n'
        "      echo hi\n      if x\n    env: {A: 1, b: [x, y]}\nlast: &a 1\n"
    ),
    "javascript": (
        'import x from "y";\nconst a = `t ${b}\nmore`;\n/** Doc\n * foo\n */\n'
        'async function f(a = 1) { return a?.b ?? /re+/g.test("s"); } // end\n'
    ),
    "typescript": (
        "interface A<T> { a: string; b?: number[]; }\n/* c\n d */ type X = 'a';\n"
        "export const f = async (x: A<string>): Promise<void> => {\n  g(`a ${x.a}`);\n};\n"
    ),
    "sql": "SELECT a FROM t -- c\nWHERE x = 'foo''bar' AND y > 1.5\n/* many\nlines */ LIMIT 1;\n",
    "html": '<!DOCTYPE html>\n<!-- c\n d -->\n<p class="a"\n  id="b">Hi &amp; <b>x</b></p>\n',
    "xml": '<?xml version="1.0"?>\n<a:b c="d"\n e="f">text &lt;\n<!-- x\n y --><g/></a:b>\n',
    "css": "/* a\n b */\n.a > #b:hover { color: #fff; }\n@media (max-width: 10em) {\n  a {}\n}\n",
    "ini": "; c\n[section]\na = b\nc: d\n# x\n",
    "toml": '# c\n[a.b]\nx = "y"\nn = [1, 2]\nd = 2020-01-01T00:00:00Z\ns = """\nmany\n"""\n',
    "go": 'package main\n/* a\n b */\nfunc main() {\n\tx := map[string]int{"a": 1} // c\n}\n',
    "rust": "/* a\n b */\n#[derive(Debug)]\nfn f<'a>(x: &'a str) -> u8 {\n    1u8 // c\n}\n",
    "java": "/**\n * Doc\n */\npublic class A {\n  @Override int f() { return 0x1F; } // c\n}\n",
    "c": '#include <stdio.h>\n/* a\n b */\nstatic int x = 1;\nchar *s = "%d\\n"; // c\n',
    "cpp": "template <typename T>\nclass A : public B {\n  auto f() const -> int;\n};\n",
    "csharp": 'using System;\n/* x\n y */\nclass B { int C { get; } = 1; string s = "a"; }\n',
    "kotlin": 'package a\n/* x\n y */\nfun main() { println("a ${x}") }\n',
    "diff": "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n-old\n+new\n same\n",
    "nginx": "server {\n  listen 80;\n  # c\n  location / { proxy_pass http://x; }\n}\n",
    "powershell": '$a = Get-Item "x"\nif ($a -eq 1) { Write-Host $a.Name } # c\n<# m\n n #>\n',
}
Colored = list[tuple[str, Style | None]]


def by_character(segments: list[Segment]) -> Colored:
    """Each character that can be seen, and its style."""
    return [(c, part.style) for part in segments for c in part.text if not c.isspace()]


def lines_of(highlighter: Highlighter, source: str) -> list[list[Segment]]:
    return [highlighter.line(line) for line in source.removesuffix("\n").split("\n")]


@pytest.mark.parametrize("language", SAMPLES)
def test_lines_have_the_colours_that_the_whole_has(language: str) -> None:
    source = SAMPLES[language]
    lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
    whole = [
        Segment(text, style_of(kind)) for _, kind, text in lexer.get_tokens_unprocessed(source)
    ]
    lines = [segment for line in lines_of(Highlighter(language), source) for segment in line]
    assert by_character(lines) == by_character(whole)


@pytest.mark.parametrize("language", SAMPLES)
def test_no_line_loses_a_character(language: str) -> None:
    lines = lines_of(Highlighter(language), SAMPLES[language])
    joined = "".join("".join(part.text for part in line) + "\n" for line in lines)
    assert joined == SAMPLES[language]


@pytest.mark.parametrize(
    "language", ["", "text", "console", "ruby", "no-such-language", "\x1b[31m"]
)
def test_a_language_that_cannot_go_on_amid_a_text_stays_plain(language: str) -> None:
    assert Highlighter(language).line("def x; 'y'") == [Segment("def x; 'y'", CODE)]


def test_what_follows_a_here_document_stays_plain() -> None:
    lines = lines_of(Highlighter("bash"), "if x; then\ncat <<EOF\nif x\nEOF\nif x\n")
    assert lines[0][0] == Segment("if", KEYWORD)
    assert [line[0].style for line in lines[1:]] == [CODE] * 4


def test_what_follows_an_error_of_the_lexer_stays_plain() -> None:
    lines = lines_of(Highlighter("python"), "import a\nx = ?\nimport b\n")
    assert lines[0][0].style == KEYWORD
    assert lines[2] == [Segment("import b", CODE)]


def test_a_comment_goes_on_until_it_ends() -> None:
    lines = lines_of(Highlighter("javascript"), "f(); /* a\nreturn */ return\n")
    assert lines[0][-1] == Segment("/* a", COMMENT)
    assert lines[1][0] == Segment("return */", COMMENT)
    assert lines[1][-1] == Segment("return", KEYWORD)


def test_what_opens_a_comment_within_a_string_opens_none() -> None:
    lines = lines_of(Highlighter("javascript"), 'f("/*");\nreturn\n')
    assert lines[1] == [Segment("return", KEYWORD)]


def test_an_endless_line_stays_plain_with_all_that_follow() -> None:
    highlighter = Highlighter("python")
    line = "x = 1; " * LONGEST_COLORED_LINE
    assert highlighter.line(line) == [Segment(line, CODE)]
    assert highlighter.line("import a") == [Segment("import a", CODE)]


def test_a_copy_goes_its_own_way() -> None:
    highlighter = Highlighter("python")
    copy.copy(highlighter).line("'''open")
    assert highlighter.line("import a")[0].style == KEYWORD
    highlighter.line("'''open")
    assert {part.style for part in highlighter.line("import a")} == {STRING}


@pytest.mark.parametrize(
    ("opening", "closing", "closes"),
    [
        ("```", "```", True),
        ("```", "  `````  ", True),
        ("````", "```", False),
        ("```", "~~~", False),
        ("```", "``` more", False),
        ("```", "    ```", False),
        ("```", "\t```", False),
        ("  ~~~ sh", "~~~", True),
    ],
)
def test_which_line_closes_a_fence(opening: str, closing: str, closes: bool) -> None:
    assert Fence.opened_by(opening).is_closed_by(closing) is closes


def test_a_fence_knows_its_language() -> None:
    assert Fence.opened_by("~~~  python title=x").language == "python"


def test_lines_lose_the_indentation_of_their_fence() -> None:
    fence = Fence.opened_by("  ```")
    assert [fence.content(line) for line in ("a", " a", "   a", "\ta")] == ["a", "a", " a", "\ta"]
