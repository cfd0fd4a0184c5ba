"""The pages: one script each, run by `ui/app.py`. A page is layout: it fetches, and hands what it got to components."""
