"""Accounts for which an outside identity provider vouches: its keys, and what its tokens say."""
