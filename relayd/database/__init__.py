"""PostgreSQL: the pool in threads, the migrations, and the embedded server."""
