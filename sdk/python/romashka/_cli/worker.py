"""`romashka worker`: answers customers, configured by the environment."""

import typer


def worker() -> None:
    """Answer what customers write. Reads SUPABASE_URL and SUPABASE_SERVICE_ROLE_KEY."""
    from romashka_worker.__main__ import main

    raise typer.Exit(main())
