"""The domain: the rows that are kept, the machines that learn, and the steps an item takes."""
