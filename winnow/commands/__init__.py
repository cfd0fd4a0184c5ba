"""The commands, a module for each group; `winnow.cli` puts them together."""
