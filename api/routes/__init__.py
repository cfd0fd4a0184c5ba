"""Endpoints: load, authorise, do, return."""
