"""The stand-in for Supabase Realtime: broadcasts, presence and database changes over a socket."""

from romashka_local.realtime.app import open_realtime

__all__ = ["open_realtime"]
