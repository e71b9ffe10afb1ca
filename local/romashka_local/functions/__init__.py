"""Functions: the Edge Runtime's part, with one Deno process for each function that is called."""

from romashka_local.functions.app import open_functions

__all__ = ["open_functions"]
