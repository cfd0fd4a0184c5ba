"""What Winnow does, step by step. A step changes rows and leaves a job; it never calls the next step."""
