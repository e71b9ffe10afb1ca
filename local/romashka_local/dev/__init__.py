"""`romashka dev`: the stack, the worker, the functions and the web pages, in one terminal.

The parts are programs of their own. This one starts them in order, reads what they print, starts
anew what has changed or died, and stops all of them.
"""

from romashka_local.dev.session import DevOptions, run_dev

__all__ = ["DevOptions", "run_dev"]
