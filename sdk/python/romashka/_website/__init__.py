"""The pages of a website: which ones there are, and what each has."""

from romashka._website.problems import Gone, PageError, SiteError, Unwanted
from romashka._website.site import Page, Website

__all__ = ["Gone", "Page", "PageError", "SiteError", "Unwanted", "Website"]
