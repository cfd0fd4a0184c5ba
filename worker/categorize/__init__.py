"""Files of any size answered by Ray Data: `python -m worker.categorize`, which `winnow categorize` starts."""
