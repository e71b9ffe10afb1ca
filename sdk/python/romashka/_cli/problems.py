"""What a user can mend: said in one line, without a trace."""

NOT_INSTALLED = "the project has no Romashka, or an older one; run `romashka migrate` first"


class CommandError(Exception):
    """The command cannot go on; the message is one line that says what to do."""

    exit_code = 1
