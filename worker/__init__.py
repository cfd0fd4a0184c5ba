"""What happens meanwhile: jobs from the database, rung for by Redis."""
