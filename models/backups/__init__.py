"""Backups: the whole system as one file that both databases can be restored from.

    winnow-20261126T143359Z.zip
    ├── tables/item.jsonl, …     a line for each row, a JSON list in the order of the manifest's columns
    ├── artifacts/bundles/…      bundles, uploads that wait, results: as they lie in the artifacts
    ├── secret.key               where the key is kept in the data folder
    ├── manifest.json            when, of which release and schema, and of each part its size, count and sha256
    └── manifest.sha256

`take` writes one while the system runs, `restore` puts one back, `python -m models.backups` is the way in.
"""
