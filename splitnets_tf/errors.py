"""The one exception that a user is meant to see, and what to say of files that the system refuses."""

__all__ = ["UserError", "os_error_text"]


class UserError(Exception):
    """Something that the user gave is wrong; the message is one line that says how to mend it.

    Pipelines print the message without a traceback and exit with code 2. Raise it with a text that says what
    happened, what was expected, what was received and what to do.
    """


def os_error_text(error: OSError) -> str:
    """One line for a user: which file, what happened, how to mend it."""
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}; check that the path exists and may be written"
