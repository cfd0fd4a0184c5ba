"""What MkDocs does not do by itself: the pages at the root of the repository join the site, and folders their lists.

Called by MkDocs for each build, as `mkdocs.yml` says.
"""

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
AT_ROOT = {"README.md": "index.md", "CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """`runbooks/*` in the list of pages stands for every page of that folder."""
    config.nav = expanded(config.nav or [], Path(config.docs_dir))
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The pages at the root, with their links as seen from the site."""
    for name, page in AT_ROOT.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=_LINK.sub(_from_root, text)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Links from the documentation to the root lead to the pages made of it."""
    for name, page in AT_ROOT.items():
        markdown = markdown.replace(f"](../{name}", f"]({page}")
    return markdown


def expanded(listed: list[Any], folder: Path) -> list[Any]:
    """A list of pages as MkDocs wants it."""
    found: list[Any] = []
    for entry in listed:
        if isinstance(entry, dict):
            found += [
                {title: expanded(what, folder) if isinstance(what, list) else what} for title, what in entry.items()
            ]
        elif entry.endswith("/*"):
            found += sorted(path.relative_to(folder).as_posix() for path in folder.glob(f"{entry[:-1]}*.md"))
        else:
            found.append(entry)
    return found


def _from_root(link: re.Match[str]) -> str:
    target, mark, place = link[1].partition("#")
    if target.startswith("docs/"):
        target = target.removeprefix("docs/")
        within = ROOT / "docs" / target
        if within.is_dir():  # a folder has no page of its own: its first one
            target = min(within.glob("*.md")).relative_to(ROOT / "docs").as_posix()
    elif target in AT_ROOT:
        target = AT_ROOT[target]
    elif target and "://" not in target:
        return "]"  # a file that is no page: its name stays, without a link
    return f"]({target}{mark}{place})"
