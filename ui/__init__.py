"""What people see: a Streamlit application that talks to the API through `winnow` and nothing else."""
