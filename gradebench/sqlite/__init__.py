"""Django's SQLite backend, whose transactions take turns among the threads of a process."""
