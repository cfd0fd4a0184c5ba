"""What is drawn. Components take values and draw them; they never fetch."""
