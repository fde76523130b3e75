"""The knowledge base on the command line: from files to articles."""

from pathlib import Path

import pytest

from seedx_cli.errors import UsageError
from seedx_cli.knowledge.files import read_all, slug_of
from tests.seedx_cli.process import Cli


def write(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_front_matter_gives_title_and_tags(tmp_path: Path) -> None:
    write(tmp_path, "a.md", "---\ntitle: Refunds\ntags: [money, back]\n---\n# Other\n\nText.\n")
    (article,) = read_all([tmp_path])
    assert (article.title, article.tags) == ("Refunds", ("money", "back"))
    assert article.content == "# Other\n\nText.\n"


def test_without_front_matter_the_heading_or_the_name_is_the_title(tmp_path: Path) -> None:
    write(tmp_path, "a.md", "Intro\n\n# The title #\n")
    write(tmp_path, "b.md", "Only text, and a rule:\n\n---\n")
    assert [article.title for article in read_all([tmp_path])] == ["The title", "b"]


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("refunds.md", "refunds"),
        ("billing/Late payment.md", "billing-late-payment"),
        ("Größe & Maß.md", "groesse-mass"),
        ("ÉTÉ.md", "ete"),
    ],
)
def test_the_slug_comes_from_the_path(name: str, slug: str) -> None:
    assert slug_of(Path(name)) == slug


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("a.md", "", "no content"),
        ("a.md", "---\ntitle: [\n---\nx", "not YAML, line 2$"),
        ("a.md", "---\n- a\n---\nx", "not a mapping"),
        ("a.md", "---\ntags: 3\n---\nx", "not a list"),
        ("例.md", "x", "No slug"),
    ],
)
def test_a_file_that_is_no_article_is_named(
    tmp_path: Path, name: str, text: str, complaint: str
) -> None:
    file = write(tmp_path, name, text)
    with pytest.raises(UsageError, match=complaint) as error:
        read_all([tmp_path])
    assert str(file) in error.value.message


def test_a_file_that_is_not_text_is_named_in_plain_words(tmp_path: Path) -> None:
    file = tmp_path / "a.md"
    file.write_bytes(b"# Caf\xe9")
    with pytest.raises(UsageError) as error:
        read_all([file])
    assert error.value.message == f"{file} is not text in UTF-8"


def test_two_files_cannot_have_one_slug(tmp_path: Path) -> None:
    write(tmp_path, "a b.md", "x")
    write(tmp_path, "a-b.md", "y")
    with pytest.raises(UsageError, match="would both be 'a-b'"):
        read_all([tmp_path])


def test_hidden_files_and_other_kinds_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, ".git/a.md", "x")
    write(tmp_path, "b.txt", "x")
    with pytest.raises(UsageError, match="no Markdown file"):
        read_all([tmp_path])


def test_importing_again_changes_nothing_and_pruning_removes(staff: Cli) -> None:
    folder = staff.folder / "docs"
    write(folder, "one.md", "# One\n\nHow to polish brass.\n")
    write(folder, "two.md", "# Two\n\nHow to wax wood.\n")
    first = staff.json("kb", "import", str(folder), "--prune")
    assert first["created"] == ["one", "two"]
    write(folder, "one.md", "# One\n\nHow to polish old brass.\n")
    second = staff.json("kb", "import", str(folder))
    assert (second["changed"], second["unchanged"]) == (["one"], ["two"])
    (folder / "two.md").unlink()
    assert staff.json("kb", "import", str(folder))["removed"] == []
    assert staff.json("kb", "import", str(folder), "--prune")["removed"] == ["two"]
    assert staff.ok("kb", "list").splitlines()[0].split("\t")[:2] == ["one", "One"]
    assert staff.ok("kb", "show", "one").startswith("# One")
    assert staff.ok("kb", "search", "polish", "brass").startswith("one\t")


def test_a_search_without_a_hit_says_so_beside_the_output(customer: Cli) -> None:
    done = customer.run("kb", "search", "xylophone")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "No article matches.\n")
    assert customer.run("kb", "search", "xylophone", "--quiet").stderr == ""


def test_customers_cannot_write_articles(customer: Cli) -> None:
    file = write(customer.folder, "a.md", "# A\n\nText.\n")
    assert customer.run("kb", "import", str(file)).returncode == 4


def test_an_article_that_is_not_there_leads_to_those_that_are(customer: Cli) -> None:
    done = customer.run("kb", "show", "nope")
    assert done.returncode == 5
    assert done.stderr.endswith("See what there is: seedx kb list\n")
