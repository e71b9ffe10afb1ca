"""The Docker-free local stack: what `supabase start` gives, from Python wheels alone."""
