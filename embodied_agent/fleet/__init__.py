"""Many robots: what each one's memory holds, in one PostgreSQL database that answers questions."""
