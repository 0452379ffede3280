"""Results in a database: rows as they are made, so that a killed probe goes on where it was, and what came of them.

SQLite in the user's data folder, or any database that SQLAlchemy reaches, named by `TILELLI_DB`. Two levels: *rows*,
one a question, and *results*, finished. Both belong to a run, which is known by its `Key`.
"""
