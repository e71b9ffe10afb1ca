"""The reply worker: an application; nobody imports it."""
