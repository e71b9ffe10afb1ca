"""The stand-in for PostgREST: tables, views and functions of the exposed schemas over HTTP."""

from romashka_local.rest.app import open_rest

__all__ = ["open_rest"]
