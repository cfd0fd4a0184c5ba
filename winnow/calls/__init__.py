"""The calls of the client, a module for each part of the API; `winnow.client.Client` has them all."""
