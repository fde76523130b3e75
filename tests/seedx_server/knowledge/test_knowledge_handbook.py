"""The handbook says what is so: its commands, flags and settings exist."""

import re
import shlex
from pathlib import Path

import pytest
import typer
import yaml

from seedx_cli.knowledge.files import ArticleFile, read_all
from seedx_cli.main import app
from seedx_server.config import Settings
from seedx_server.knowledge.core import SLUG_PATTERN, NewArticle
from seedx_server.knowledge.passages import split_into_passages

ROOT = Path(__file__).parents[3]
HANDBOOK = read_all([ROOT / "seedx_server" / "handbook"])
OF_THE_CLIENT = {
    "SEEDX_URL",
    "SEEDX_TOKEN",
    "SEEDX_PROFILE",
    "SEEDX_CONFIG_DIR",
    "SEEDX_DEBUG",
    "NO_COLOR",
    "CLICOLOR_FORCE",
}
OF_COMPOSE = {"POSTGRES_PASSWORD", "SEEDX_PUBLISH"}

each_article = pytest.mark.parametrize("article", HANDBOOK, ids=lambda article: article.slug)


@each_article
def test_an_article_is_fit_for_the_knowledge_base(article: ArticleFile) -> None:
    NewArticle(title=article.title, content=article.content, tags=[*article.tags])

    assert re.match(SLUG_PATTERN, article.slug)
    assert article.tags
    assert 200 <= len(article.content.split()) <= 600


@each_article
def test_its_commands_and_flags_exist(article: ArticleFile) -> None:
    for line in commands_of(article.content):
        words = [word for word in line if re.fullmatch(r"[a-z][a-z-]+", word)]
        known = flags_of(words)
        used = {word for word in line if re.fullmatch(r"--?[a-zA-Z][a-z-]*", word)}
        assert used <= known, f"{' '.join(line)}: {used - known}"


@each_article
def test_its_settings_exist(article: ArticleFile) -> None:
    named = set(re.findall(r"\b(?:[A-Z]+_)+[A-Z]+\b", article.content))

    assert named <= settings() | OF_THE_CLIENT | OF_COMPOSE


def test_every_question_of_the_benchmark_is_answered_by_a_passage() -> None:
    questions = yaml.safe_load((ROOT / "benchmarks" / "retrieval_questions.yaml").read_text())
    passages = {
        f"{article.slug}#{passage.heading}"
        for article in HANDBOOK
        for passage in split_into_passages(article.content)
    }
    answers = {
        answer
        for part in questions.values()
        for question in part["answerable"]
        for answer in question["answers"]
    }

    assert answers <= passages


def commands_of(content: str) -> list[list[str]]:
    """The words after `seedx` of every command in code, up to a pipe or redirection."""
    code = re.findall(r"```\w*\n(.*?)```", content, re.DOTALL) + re.findall(r"`([^`\n]+)`", content)
    lines = [line for block in code for line in block.splitlines()]
    found = [re.split(r"(?:^|\| )seedx ", line, maxsplit=1) for line in lines]
    bare = [re.split(r" [|<>] | > ", parts[1])[0] for parts in found if len(parts) == 2]
    return [shlex.split(line) for line in bare]


def flags_of(words: list[str]) -> set[str]:
    """The flags of a command; its name is the first of the words."""
    command = typer.main.get_command(app)
    context = command.make_context("seedx", [], resilient_parsing=True)
    for word in words:
        if not isinstance(command, typer.core.TyperGroup):
            break
        found = command.get_command(context, word)
        assert found is not None, f"there is no seedx {' '.join(words)}"
        command = found
    own = {flag for option in command.params for flag in option.opts}
    return own | {"--help", "--install-completion"}


def settings() -> set[str]:
    """The names that settings have in the environment."""
    names: set[str] = set()
    for field in Settings.model_fields.values():
        alias = field.validation_alias
        names.update([alias] if isinstance(alias, str) else getattr(alias, "choices", []))
    return names
