"""What a user can mend: said in one line, without a trace."""


class CommandError(Exception):
    """The command cannot go on; the message is one line that says what to do."""

    exit_code = 1
