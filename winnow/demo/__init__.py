"""The demo project: where its articles come from, how it is made, and how a reviewer is played."""
