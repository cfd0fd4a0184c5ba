"""A project's vectors and scores as arrays on disk: a local copy of the store, never the truth."""
