"""What stops a stack: the message is one line for whoever started it, and says what to do."""


class StackError(Exception):
    """The stack cannot start, or a part of it crashed."""
