"""What is kept: one schema on PostgreSQL and SQLite. `tables` are the rows, `queries` only read."""
