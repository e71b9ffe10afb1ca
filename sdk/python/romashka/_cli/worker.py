"""`romashka worker`: answers customers, configured by the environment."""

import typer

from romashka._cli.local_stack import use_stack


def worker() -> None:
    """Answer what customers write.

    Reads SUPABASE_URL and SUPABASE_SERVICE_ROLE_KEY; without them, serves the stack that runs here.
    """
    use_stack()
    from romashka_worker.__main__ import main

    raise typer.Exit(main())
