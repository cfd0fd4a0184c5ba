"""How the database gets its shape."""
