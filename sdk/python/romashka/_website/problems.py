"""What can be wrong with a website: each message is one line."""


class SiteError(Exception):
    """Nothing of the site can be read, or no more of it."""


class PageError(Exception):
    """A page cannot be read now."""


class Gone(PageError):
    """A page is there no more."""


class Unwanted(PageError):
    """A page is not to be read, or is nothing that can be."""
