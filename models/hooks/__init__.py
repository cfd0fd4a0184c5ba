"""Webhooks on the wire: how a message is signed, which addresses it may go to, how it is sent."""
